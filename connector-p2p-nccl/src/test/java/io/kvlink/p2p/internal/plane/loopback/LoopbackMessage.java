// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.loopback;

import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicReference;

/** Message from one {@link LoopbackPlane} to another, by way of the other's inbox. */
sealed interface LoopbackMessage {

    /**
     * A piece, still at its sender's. Two threads want it: the receiver's to copy it, the sender's
     * to take it back; the state says who came first.
     */
    record Delivery(LoopbackPlane from, SendOp op, AtomicReference<Claim> claim)
            implements LoopbackMessage {

        static Delivery of(LoopbackPlane from, SendOp op) {
            return new Delivery(from, op, new AtomicReference<>(Claim.OPEN));
        }

        /** Takes it back, if the receiver hasn't begun. Sender's thread. */
        boolean withdraw() {
            return claim.compareAndSet(Claim.OPEN, Claim.WITHDRAWN);
        }

        /** Takes it back, or waits until the receiver has copied it. Sender's thread. */
        void withdrawOrWait() {
            withdraw();
            while (claim.get() == Claim.COPYING) {
                Thread.onSpinWait();
            }
        }

        boolean withdrawn() {
            return claim.get() == Claim.WITHDRAWN;
        }

        /** Copies it; false if the sender has taken it back. Receiver's thread. */
        boolean copyTo(MemoryRegion destination) {
            if (!claim.compareAndSet(Claim.OPEN, Claim.COPYING)) {
                return false;
            }
            try {
                ByteBuffer target = destination.buffer();
                op.source().forEach(region -> target.put(region.buffer()));
            } finally {
                claim.set(Claim.COPIED);
            }
            return true;
        }
    }

    /** State of the claim to a {@link Delivery}'s source. */
    enum Claim {
        OPEN,
        COPYING,
        COPIED,
        WITHDRAWN
    }

    /** The receiver has dealt with a delivery. */
    record Taken(Delivery delivery) implements LoopbackMessage {}

    /** The receiver won't deal with a delivery. */
    record Refused(Delivery delivery, KvError error, String detail) implements LoopbackMessage {}

    /** The sender has closed, or has disconnected from the receiver. */
    record SenderLeft(String endpoint) implements LoopbackMessage {}
}
