// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.arrival;

import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.spi.TransferOutcome;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * KV of a request that is all here or about to be, from one rank or several.
 *
 * @param sources the ranks, at least one; together they have all layers and heads
 */
public record LoadableKv(List<Source> sources) {

    /**
     * KV from one rank.
     *
     * @param part of this rank's KV that it is
     * @param ready where it is
     */
    public record Source(Part part, Expectation.Ready ready) {}

    /** Reason that some layers will not come; {@code null} if all are here or still may. */
    public Expectation.@Nullable Failed failure() {
        return sources.stream()
                .map(source -> source.ready.failure())
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }

    /** Content that came with it, if some did from every rank; then the last token did, too. */
    public Optional<ByteBuffer> attachment() {
        return sources.stream()
                .map(source -> source.ready.attachment())
                .reduce((one, next) -> next.isPresent() ? one : next)
                .orElseThrow();
    }

    /** Outcome, once all layers are here. */
    public TransferOutcome outcome() {
        return sources.stream()
                .map(source -> source.ready.outcome())
                .reduce(TransferOutcome::and)
                .orElseThrow();
    }

    /** True if all layers are here. */
    public boolean complete() {
        for (Source source : sources) {
            if (!source.ready.arrival().complete()) {
                return false;
            }
        }
        return true;
    }

    /** True if a layer is here, from all ranks. */
    public boolean here(int layer) {
        for (Source source : sources) {
            int index = source.part.indexOf(layer);
            if (index >= 0 && !source.ready.arrival().here(index)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Waits for a layer. By the engine's thread.
     *
     * @param layer the layer
     * @param deadlineNs when to give up, on {@link System#nanoTime()}'s clock
     * @return false if it will not come, or the deadline passed first
     */
    public boolean await(int layer, long deadlineNs) {
        for (Source source : sources) {
            int index = source.part.indexOf(layer);
            if (index >= 0 && !source.ready.arrival().await(index, deadlineNs)) {
                return false;
            }
        }
        return true;
    }
}
