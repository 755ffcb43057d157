// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

/**
 * How a communicator is.
 *
 * @param phase what can be done with it
 * @param failure the name of NCCL's status and its last words, if failed; else empty
 */
public record NcclState(Phase phase, String failure) {

    /** Something was begun and isn't through. */
    public static final NcclState IN_PROGRESS = new NcclState(Phase.IN_PROGRESS, "");

    /** It can send and receive. */
    public static final NcclState READY = new NcclState(Phase.READY, "");

    /** What can be done with a communicator. */
    public enum Phase {
        /** Nothing but look again, or abort. */
        IN_PROGRESS,
        /** Everything. */
        READY,
        /** Nothing but abort. */
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
