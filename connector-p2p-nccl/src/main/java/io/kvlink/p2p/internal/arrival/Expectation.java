// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.arrival;

import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Wait for one transfer of a request's KV. The control thread moves the status away from {@link
 * Waiting}, once. After that the memory of {@link Ready} stays until the engine's thread says that
 * it no longer reads it.
 */
public final class Expectation {

    /** Status of the wait. */
    public sealed interface Status {}

    /** Not here yet. */
    public record Waiting() implements Status {}

    /**
     * End with KV: all layers are here, or about to be.
     *
     * @param layers a region for each layer
     * @param chunks where its tokens lie in it
     * @param arrival which of them are here
     * @param so how it comes, as far as it is known
     * @param startedNs when it began
     * @param attachment what came with it, if anything did; then the prompt's last token did, too
     */
    public record Ready(
            List<MemoryRegion> layers,
            Chunks chunks,
            Arrival arrival,
            TransferOutcome so,
            long startedNs,
            Optional<ByteBuffer> attachment)
            implements Status {

        /** Reason that some layers will not come; {@code null} if all are here or still may. */
        public @Nullable Failed failure() {
            return arrival.complete() ? null : arrival.failure();
        }

        /** Outcome, once all layers are here. */
        public TransferOutcome outcome() {
            return TransferOutcome.builder(so.requestId())
                    .id(so.id())
                    .failure(so.failure(), so.detail())
                    .plane(so.plane())
                    .bytes(so.bytes())
                    .nanos(arrival.lastNs() - startedNs)
                    .build();
        }
    }

    /**
     * End without KV.
     *
     * @param error why
     * @param detail the facts
     */
    public record Failed(KvError error, String detail) implements Status {}

    private final KvRequest request;
    private final long digest;
    private final TransferId id;
    private final HostPort source;
    private final Part part;
    private volatile Status status = new Waiting();

    /**
     * A wait about to begin.
     *
     * @param request the request; it has a route
     * @param digest the prompt's digest
     * @param id the transfer
     * @param source address of the rank that sends it
     * @param part of this rank's KV
     */
    public Expectation(KvRequest request, long digest, TransferId id, HostPort source, Part part) {
        this.request = request;
        this.digest = digest;
        this.id = id;
        this.source = source;
        this.part = part;
    }

    /** The request. */
    public KvRequest request() {
        return request;
    }

    /** The transfer. */
    public TransferId id() {
        return id;
    }

    /** Address of the rank that sends it. */
    public HostPort source() {
        return source;
    }

    /** Part of this rank's KV that it brings. */
    public Part part() {
        return part;
    }

    /** Status of the wait. From any thread. */
    public Status status() {
        return status;
    }

    /** True until it is known whether the KV comes. From any thread. */
    public boolean waiting() {
        return status instanceof Waiting;
    }

    /** The prompt's digest. */
    public long digest() {
        return digest;
    }

    /** The wait is over. By the control thread, once. */
    public void end(Status end) {
        if (!waiting()) {
            throw new IllegalStateException("status=" + status + " next=" + end);
        }
        status = end;
    }
}
