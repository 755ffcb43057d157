// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Objects;
import java.util.Optional;

/** End of one load or save, at one side of it. */
public final class TransferOutcome {

    private final String requestId;
    private final Optional<TransferId> id;
    private final Optional<KvError> failure;
    private final String detail;
    private final String plane;
    private final long bytes;
    private final long nanos;

    private TransferOutcome(Builder from) {
        requestId = from.requestId;
        id = from.id;
        failure = from.failure;
        detail = from.detail;
        plane = from.plane;
        bytes = from.bytes;
        nanos = from.nanos;
    }

    /**
     * Builder of a value, with what every one has.
     *
     * @param requestId see the accessor
     */
    public static Builder builder(String requestId) {
        return new Builder(requestId);
    }

    /** Name that the engine gave the request. */
    public String requestId() {
        return requestId;
    }

    /** The transfer between two instances; empty for a request without a route. */
    public Optional<TransferId> id() {
        return id;
    }

    /** Reason of its failure; empty if all its bytes arrived. */
    public Optional<KvError> failure() {
        return failure;
    }

    /** Facts of a failure as {@code key=value}; otherwise empty. */
    public String detail() {
        return detail;
    }

    /** Name of the data plane that carried it; empty if none was chosen. */
    public String plane() {
        return plane;
    }

    /** Number of bytes that moved. */
    public long bytes() {
        return bytes;
    }

    /**
     * Time from the first save (sender), or the first offer or grant (receiver), to the last byte.
     */
    public long nanos() {
        return nanos;
    }

    /**
     * Sum of this end and another one of the same request. Bytes are added up, the longest time
     * counts, and of several failures the first is told.
     */
    public TransferOutcome and(TransferOutcome other) {
        TransferOutcome shown = failure.isPresent() ? this : other;
        return shown.toBuilder()
                .bytes(bytes + other.bytes)
                .nanos(Math.max(nanos, other.nanos))
                .build();
    }

    /** Builder of a copy. */
    public Builder toBuilder() {
        return builder(requestId)
                .id(id)
                .failure(failure, detail)
                .plane(plane)
                .bytes(bytes)
                .nanos(nanos);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TransferOutcome value
                && requestId.equals(value.requestId)
                && id.equals(value.id)
                && failure.equals(value.failure)
                && detail.equals(value.detail)
                && plane.equals(value.plane)
                && bytes == value.bytes
                && nanos == value.nanos;
    }

    @Override
    public int hashCode() {
        return Objects.hash(requestId, id, failure, detail, plane, bytes, nanos);
    }

    @Override
    public String toString() {
        return "TransferOutcome[requestId="
                + requestId
                + " id="
                + id
                + " failure="
                + failure
                + " detail="
                + detail
                + " plane="
                + plane
                + " bytes="
                + bytes
                + " nanos="
                + nanos
                + "]";
    }

    /** Builder of a TransferOutcome; one thread. */
    public static final class Builder {

        private final String requestId;
        private Optional<TransferId> id = Optional.empty();
        private Optional<KvError> failure = Optional.empty();
        private String detail = "";
        private String plane = "";
        private long bytes = 0;
        private long nanos = 0;

        private Builder(String requestId) {
            this.requestId = requestId;
        }

        /** Sets {@link TransferOutcome#id}. */
        public Builder id(TransferId id) {
            this.id = Optional.of(id);
            return this;
        }

        /** Sets {@link TransferOutcome#id}. */
        public Builder id(Optional<TransferId> id) {
            this.id = id;
            return this;
        }

        /** Sets {@link TransferOutcome#failure}. */
        public Builder failure(KvError error, String facts) {
            this.failure = Optional.of(error);
            this.detail = facts;
            return this;
        }

        /** Sets {@link TransferOutcome#failure}. */
        public Builder failure(Optional<KvError> error, String facts) {
            this.failure = error;
            this.detail = facts;
            return this;
        }

        /** Sets {@link TransferOutcome#plane}. */
        public Builder plane(String plane) {
            this.plane = plane;
            return this;
        }

        /** Sets {@link TransferOutcome#bytes}. */
        public Builder bytes(long bytes) {
            this.bytes = bytes;
            return this;
        }

        /** Sets {@link TransferOutcome#nanos}. */
        public Builder nanos(long nanos) {
            this.nanos = nanos;
            return this;
        }

        /** The value. */
        public TransferOutcome build() {
            return new TransferOutcome(this);
        }
    }
}
