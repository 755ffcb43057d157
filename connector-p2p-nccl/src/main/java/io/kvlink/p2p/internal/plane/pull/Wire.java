// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.spi.KvMetric;
import io.kvlink.spi.MemoryRegion;
import java.util.List;

/**
 * Way of a link's bytes from the sender's GPU to the receiver's. No method waits. Device thread,
 * but for {@link #reaches}.
 */
public interface Wire extends AutoCloseable {

    /** Hears what has moved. */
    interface Listener {
        /** The sources of these are no longer read. At the sender. */
        void onSent(Link link, List<Move> moves);

        /** Hears of parts that are complete in device memory. At the receiver. */
        void onArrived(Link link, List<Long> parts);

        /** A link's bytes can't move any more. */
        void onWireFailed(Link link, String detail);
    }

    /** Says to the receiver's new peer what it needs to send. */
    void greet(Link link);

    /** A frame that is the wire's own matter: exported memory, or a unique id. */
    void onFrame(Link link, LinkFrame frame);

    /**
     * True if a receiver pulls before the sender has the piece, and whatever others send it.
     * Otherwise receives wait for their partners one after another, in a lane that all peers share:
     * only what the sender has is pulled, from one sender at a time, and the sender is bound to
     * send what it has announced.
     */
    boolean pullsEarly();

    /**
     * The messages that a piece will travel in as it lies at the sender.
     *
     * @param source its runs
     * @return the size of each; empty if it will be gathered, or if the receiver needn't know
     */
    List<Long> messages(List<MemoryRegion> source);

    /** Posts the receives of parts that are being pulled, as one group. At the receiver. */
    void onPulled(Link link, List<Landing> landings);

    /**
     * Place of a part at the receiver.
     *
     * @param part its number
     * @param address of its first byte in device memory
     * @param bytes how many
     * @param messages the messages that it comes in; empty if it is gathered
     */
    record Landing(long part, long address, long bytes, List<Long> messages) {}

    /** True if a link can carry moves now. At the sender. */
    boolean ready(Link link);

    /**
     * Enqueues moves; unless pulled early, they are those of one pull. Never throws: a failure is
     * told to the listener, and the moves are reported as sent all the same once nothing reads
     * them. At the sender.
     */
    void push(Link link, List<Move> moves);

    /**
     * Looks what the GPU has done.
     *
     * @return how much was found
     */
    int poll(long nowNs);

    /** True if the GPU works for somebody, and {@link #poll} is worth calling. */
    boolean busy();

    /** True if the GPU works for this link no more, at this side. */
    boolean idle(Link link);

    /**
     * Begins to give up what is under way for a link; {@link #idle} tells when that is over. After
     * it the link carries nothing.
     */
    void abandon(Link link);

    /**
     * True if a peer that was lost can't write here any more.
     *
     * @param link a closed link
     * @param lostNs when it was lost
     * @param nowNs the time
     */
    boolean writesNoMore(Link link, long lostNs, long nowNs);

    /** Lets go of all that belongs to an idle link. */
    void release(Link link);

    /** True if this wire leads to a peer. From any thread; may try, and remembers. */
    boolean reaches(GpuEndpoint self, GpuEndpoint peer);

    /** No session with that peer is left: lets go of what {@link #reaches} took. */
    default void forget(GpuEndpoint peer) {}

    /** Figures of the wire. From any thread. */
    List<KvMetric> metrics();

    /** Lets go of everything; links are idle or abandoned. */
    @Override
    void close();
}
