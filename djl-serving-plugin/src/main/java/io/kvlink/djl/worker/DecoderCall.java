// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.Picks;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.spi.KvRequest;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** One call of the decoder, for one unit of each of some sequences. */
sealed interface DecoderCall permits DecoderCall.Rows, DecoderCall.Chunks {

    List<WorkUnit> units();

    /** Lets the decoder compute the call. */
    Picks enqueue(Decoder decoder, LayerHook hook);

    /** A call for each unit, which together do this one's work. */
    List<DecoderCall> apart();

    /** True if one of the call's sequences is among these. */
    default boolean hasAny(Set<KvRequest> requests) {
        return units().stream().anyMatch(unit -> requests.contains(unit.sequence().kv()));
    }

    /** The next tokens of some sequences. */
    record Rows(List<WorkUnit> units, List<DecodeRow> rows) implements DecoderCall {
        @Override
        public Picks enqueue(Decoder decoder, LayerHook hook) {
            return decoder.decode(rows, hook);
        }

        @Override
        public List<DecoderCall> apart() {
            return IntStream.range(0, rows.size())
                    .mapToObj(
                            i ->
                                    (DecoderCall)
                                            new Rows(List.of(units.get(i)), List.of(rows.get(i))))
                    .toList();
        }
    }

    /** Chunks of some prompts. */
    record Chunks(List<WorkUnit> units, List<PromptChunk> chunks) implements DecoderCall {
        @Override
        public Picks enqueue(Decoder decoder, LayerHook hook) {
            return decoder.prefill(chunks, hook);
        }

        @Override
        public List<DecoderCall> apart() {
            return IntStream.range(0, chunks.size())
                    .mapToObj(
                            i ->
                                    (DecoderCall)
                                            new Chunks(
                                                    List.of(units.get(i)), List.of(chunks.get(i))))
                    .toList();
        }
    }
}
