// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;

/**
 * NCCL on one device, as far as the connector needs it: communicators of two ranks, and bytes sent
 * and received by them. Called by the device's thread only, which is attached to the device. No
 * method waits for the device, a peer or another thread.
 *
 * <p>Each method throws {@link KvConnectorException} with {@link KvError#NATIVE_CALL_FAILED},
 * naming the call and its status.
 */
public interface NcclLibrary {

    /** The size of what {@link #newUniqueId} returns. */
    int UNIQUE_ID_BYTES = 128;

    /** The library's version, as in 22803 for 2.28.3. Both ranks should have the same. */
    int version();

    /**
     * Makes a name for a communicator to come, and listens for its ranks; so one of the two makes
     * it. The listening socket is gone once both have come.
     *
     * @return {@value #UNIQUE_ID_BYTES} bytes, for both ranks
     */
    byte[] newUniqueId();

    /**
     * Begins to make a communicator; its state tells when it is there.
     *
     * @param uniqueId what one of the ranks made
     * @param rank 0 or 1; the peer is the other one
     * @param channels how many channels it uses; 0 leaves the choice to NCCL
     * @return the communicator, which the caller aborts or destroys
     */
    NcclCommunicator init(byte[] uniqueId, int rank, int channels);

    /**
     * Begins a group: what is sent and received until its end is one operation of the device, whose
     * parts wait for their counterparts independently.
     */
    void groupStart();

    /**
     * Ends a group and begins to enqueue it, if nothing in it was refused. It is enqueued once the
     * communicators in it are {@linkplain NcclState#ready ready} again; until then nothing else may
     * be enqueued that is to run after it. To be called after each {@link #groupStart}, even where
     * a part failed.
     */
    void groupEnd();
}
