// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.Picks;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.List;
import java.util.Optional;

/**
 * A decoder that says that it overlaps, made of one that doesn't: its worker is told of a call's
 * tokens when it awaits them. {@link FakeDecoder} watches over slots in flight.
 */
final class AheadDecoder implements Decoder {

    private final Decoder decoder;

    AheadDecoder(Decoder decoder) {
        this.decoder = decoder;
    }

    @Override
    public Picks prefill(List<PromptChunk> chunks, LayerHook hook) {
        return decoder.prefill(chunks, hook);
    }

    @Override
    public Picks decode(List<DecodeRow> rows, LayerHook hook) {
        return decoder.decode(rows, hook);
    }

    @Override
    public boolean overlaps() {
        return true;
    }

    @Override
    public KvMemory memory() {
        return decoder.memory();
    }

    @Override
    public int maxBatch() {
        return decoder.maxBatch();
    }

    @Override
    public int maxPrefill() {
        return decoder.maxPrefill();
    }

    @Override
    public TokenPicker newPicker(SamplingParams params, int[] promptTokens, int[] enders) {
        return decoder.newPicker(params, promptTokens, enders);
    }

    @Override
    public Optional<String> lost() {
        return decoder.lost();
    }

    @Override
    public void close() {
        decoder.close();
    }
}
