// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Content that KV of a layout has in this suite. It follows from the model, the layer, and all
 * tokens up to a position, so that the bytes say whose they are. One thread.
 */
final class KvPattern {

    private final KvLayout layout;
    private final int half;
    // One token's content, in whole words.
    private final ByteBuffer token;

    KvPattern(KvLayout layout) {
        this.layout = layout;
        int tokenBytes = Math.toIntExact(layout.tokenBytes());
        this.half = tokenBytes / 2;
        this.token =
                ByteBuffer.allocate((tokenBytes + Long.BYTES - 1) / Long.BYTES * Long.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Bytes of one token's keys, or values, in one layer. */
    int halfBytes() {
        return half;
    }

    int layers() {
        return layout.layers();
    }

    /** Numbers of all positions; each follows from all tokens up to its position. */
    static long[] prefixes(int[] prompt) {
        long[] prefixes = new long[prompt.length];
        long hash = 1;
        for (int i = 0; i < prompt.length; i++) {
            hash = mix(hash * 31 + prompt[i]);
            prefixes[i] = hash;
        }
        return prefixes;
    }

    /** Content of a token range, in the order of the exchange: keys of all tokens, then values. */
    byte[] content(int layer, long[] prefixes, int from, int to) {
        byte[] content = new byte[(to - from) * 2 * half];
        for (int position = from; position < to; position++) {
            int at = (position - from) * half;
            write(layer, prefixes[position]);
            token.get(0, content, at, half).get(half, content, content.length / 2 + at, half);
        }
        return content;
    }

    private void write(int layer, long prefix) {
        long state = prefix ^ mix(layout.model().hashCode() * 131L + layer);
        for (int i = 0; i < token.capacity(); i += Long.BYTES) {
            state = mix(state + i);
            token.putLong(i, state);
        }
    }

    // SplitMix64's finaliser.
    private static long mix(long value) {
        long z = value + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
