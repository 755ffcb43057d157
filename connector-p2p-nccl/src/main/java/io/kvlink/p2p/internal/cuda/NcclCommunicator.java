// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

/**
 * Two ranks that send to each other. Made by an {@link NcclLibrary}, whose rules apply. It ends
 * with either {@link #abort} or {@link #destroy}, called once; then only {@link #released} may be
 * called.
 */
public interface NcclCommunicator {

    /** Looks whether what was begun last, initialisation or a group, is through, and how. */
    NcclState state();

    /**
     * Adds a part to the group. Needs a communicator that was ready before the group began.
     *
     * @param address the first byte, in device memory
     * @param bytes how many; the peer receives as many
     * @param stream where to enqueue, the same for all of a group
     */
    void send(long address, long bytes, CudaStream stream);

    /**
     * Adds a part to the group. Needs a communicator that was ready before the group began. Parts
     * are met in the order in which they were added.
     *
     * @param address the first byte, in device memory
     * @param bytes how many; the peer sends as many
     * @param stream where to enqueue, the same for all of a group
     */
    void receive(long address, long bytes, CudaStream stream);

    /**
     * Begins to end the communicator, whatever its state, with all that it has enqueued. An
     * operation that runs stops, and one that is still to run ends as soon as it begins. So memory
     * is safe once the device is past them in their stream, and not before. Nothing of a group
     * whose end was called is enqueued any more once this communicator is {@link #released}.
     */
    void abort();

    /** Begins to end the communicator, which is ready and has nothing enqueued that hasn't run. */
    void destroy();

    /**
     * True once the end that was begun is through: then what the communicator held is given back.
     * That waits for the operations of the communicator, and so for whatever is before them in
     * their stream.
     *
     * @return true if it is through, well or not
     */
    boolean released();
}
