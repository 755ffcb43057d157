// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Objects;

/**
 * Memory, transfers and sessions that a connector holds at one moment. All but {@code peers} are 0
 * when no transfer is under way.
 */
public final class KvLedger {

    private final long bufferBytes;
    private final long poolBytes;
    private final int leases;
    private final int transfers;
    private final int peers;

    private KvLedger(Builder from) {
        bufferBytes = from.bufferBytes;
        poolBytes = from.poolBytes;
        leases = from.leases;
        transfers = from.transfers;
        peers = from.peers;
    }

    /** Builder of a value, with what every one has. */
    public static Builder builder() {
        return new Builder();
    }

    /** Bytes leased from the receive or send buffer ({@code kv_buffer_size}). */
    public long bufferBytes() {
        return bufferBytes;
    }

    /** Bytes leased from the host pool. */
    public long poolBytes() {
        return poolBytes;
    }

    /** Number of leases that these bytes are. */
    public int leases() {
        return leases;
    }

    /** Number of transfers that haven't ended. */
    public int transfers() {
        return transfers;
    }

    /** Number of live sessions with peers; a connector may have one for each direction. */
    public int peers() {
        return peers;
    }

    /** True if nothing is held for any transfer. */
    public boolean idle() {
        return bufferBytes == 0 && poolBytes == 0 && leases == 0 && transfers == 0;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KvLedger value
                && bufferBytes == value.bufferBytes
                && poolBytes == value.poolBytes
                && leases == value.leases
                && transfers == value.transfers
                && peers == value.peers;
    }

    @Override
    public int hashCode() {
        return Objects.hash(bufferBytes, poolBytes, leases, transfers, peers);
    }

    @Override
    public String toString() {
        return "KvLedger[bufferBytes="
                + bufferBytes
                + " poolBytes="
                + poolBytes
                + " leases="
                + leases
                + " transfers="
                + transfers
                + " peers="
                + peers
                + "]";
    }

    /** Builder of a KvLedger; one thread. */
    public static final class Builder {

        private long bufferBytes = 0;
        private long poolBytes = 0;
        private int leases = 0;
        private int transfers = 0;
        private int peers = 0;

        private Builder() {}

        /** Sets {@link KvLedger#bufferBytes}. */
        public Builder bufferBytes(long bufferBytes) {
            this.bufferBytes = bufferBytes;
            return this;
        }

        /** Sets {@link KvLedger#poolBytes}. */
        public Builder poolBytes(long poolBytes) {
            this.poolBytes = poolBytes;
            return this;
        }

        /** Sets {@link KvLedger#leases}. */
        public Builder leases(int leases) {
            this.leases = leases;
            return this;
        }

        /** Sets {@link KvLedger#transfers}. */
        public Builder transfers(int transfers) {
            this.transfers = transfers;
            return this;
        }

        /** Sets {@link KvLedger#peers}. */
        public Builder peers(int peers) {
            this.peers = peers;
            return this;
        }

        /** The value. */
        public KvLedger build() {
            return new KvLedger(this);
        }
    }
}
