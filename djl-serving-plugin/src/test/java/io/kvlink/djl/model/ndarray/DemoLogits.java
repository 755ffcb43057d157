// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.config.ModelConfig;
import java.nio.file.Path;
import java.util.Arrays;

/** Prints a hash of the demo model's logits, so that two processes can be compared. */
final class DemoLogits {
    private DemoLogits() {}

    public static void main(String[] args) {
        System.out.println("hash=" + hash(Path.of(args[0]), Integer.parseInt(args[1])));
    }

    /** Prefills 150 tokens in chunks of 64, decodes 20; the sequence starts at some block. */
    static int hash(Path directory, int blocksBefore) {
        ModelConfig config = ModelConfig.read(directory);
        try (KvCachePool pool = KvCachePool.open(config, 512);
                LlamaModel decoder = LlamaModel.load(directory, config, pool)) {
            pool.allocate(blocksBefore * KvMemory.BLOCK_TOKENS);
            KvRun slots = pool.allocate(170);
            int[] tokens = new int[150];
            Arrays.setAll(tokens, i -> 3 + 7 * i % 1000);
            int hash = 0;
            for (int at = 0; at < tokens.length; at += 64) {
                int[] chunk = Arrays.copyOfRange(tokens, at, Math.min(at + 64, tokens.length));
                hash = 31 * hash + logitsHash(decoder, chunk, at, slots);
            }
            for (int position = tokens.length; position < slots.capacity() - 6; position++) {
                hash = 31 * hash + logitsHash(decoder, new int[] {position}, position, slots);
            }
            return hash;
        }
    }

    private static int logitsHash(LlamaModel decoder, int[] tokens, int at, KvRun slots) {
        return Arrays.hashCode(decoder.forward(tokens, at, slots, LayerHook.NONE, true));
    }
}
