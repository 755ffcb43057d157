// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.Token;
import java.util.List;

/**
 * One message of a side channel. The receiver (D) dials the sender (P):
 *
 * <pre>
 *   D                                    P
 *   | ---- Hello, Export* | UniqueId ---> |
 *   | <--- Ready (ticket, piece) -------- |   P has a piece that nobody has pulled
 *   | ---- Pull (parts) ----------------> |   CUDA IPC: at once, P waits for the piece;
 *   |                                     |   NCCL: when D's lane is free, D has posted its receives
 *   | <--- Written (parts) -------------- |   CUDA IPC: the bytes are in D's memory
 *   | <--- Failed (ticket) -------------- |   P will send no more of it, but what D has pulled
 *   | ---- Drop (ticket) ---------------> |   D pulls no more of it
 *   | <--- Dropped (ticket) ------------- |   P writes no more of it
 *   | <--> Bye <------------------------> |   each side's last, when its GPU work is done
 *   | ---- Settle ----------------------> |   D has lost an older link
 *   | <--- Settled ---------------------- |   P writes no more for older links
 * </pre>
 */
public sealed interface LinkFrame {

    /** "I am this endpoint, and I know your secret." */
    record Hello(Token secret, String endpoint) implements LinkFrame {}

    /**
     * Memory that P may write to.
     *
     * @param region the receiver's number for it
     * @param handle how another process maps it
     * @param address how the same process reaches it
     * @param bytes its size
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Export(int region, byte[] handle, long address, long bytes) implements LinkFrame {}

    /** "This id makes a communicator of the two of us." */
    @SuppressWarnings("ArrayRecordComponent")
    record UniqueId(byte[] id) implements LinkFrame {}

    /** "Send me these." */
    record Pull(List<PullPart> parts) implements LinkFrame {}

    /**
     * "This piece is here, and waits to be pulled."
     *
     * @param ticket the receiver's ticket
     * @param piece the piece
     * @param runs sizes of the runs that it lies in at the sender, each of which will be a message;
     *     empty if parts that touch at the receiver will be gathered to one message
     */
    record Ready(long ticket, int piece, List<Long> runs) implements LinkFrame {}

    /** "These are in your memory." */
    record Written(List<Long> parts) implements LinkFrame {}

    /** "No more of this ticket will be sent." */
    record Failed(long ticket) implements LinkFrame {}

    /** "I want no more of this ticket." */
    record Drop(long ticket) implements LinkFrame {}

    /** "No more of this ticket will be written." */
    record Dropped(long ticket) implements LinkFrame {}

    /** "Do you still write for my links before this one?" */
    record Settle() implements LinkFrame {}

    /** "No more." */
    record Settled() implements LinkFrame {}

    /** "My GPU works for this link no more." */
    record Bye() implements LinkFrame {}
}
