// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

/**
 * State of a communicator.
 *
 * @param phase what can be done with it
 * @param failure the name of NCCL's status and its last words, if failed; else empty
 */
public record NcclState(Phase phase, String failure) {

    /** Something was begun and isn't through. */
    public static final NcclState IN_PROGRESS = new NcclState(Phase.IN_PROGRESS, "");

    /** A communicator that can send and receive. */
    public static final NcclState READY = new NcclState(Phase.READY, "");

    /** Calls that a communicator takes. */
    public enum Phase {
        /** No call but another look, or abort. */
        IN_PROGRESS,
        /** All calls. */
        READY,
        /** No call but abort. */
        FAILED
    }

    /**
     * A communicator that is of no use any more.
     *
     * @param failure the name of the status and what is known
     */
    public static NcclState failed(String failure) {
        return new NcclState(Phase.FAILED, failure);
    }

    /** True if it can send and receive. */
    public boolean ready() {
        return phase == Phase.READY;
    }

    /** True if all that is left is to abort it. */
    public boolean failed() {
        return phase == Phase.FAILED;
    }
}
