// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * One message of the control plane. A session begins with {@link Hello}, answered by {@link Accept}
 * or {@link Reject}; whoever dialled, the rest goes both ways:
 *
 * <pre>
 *   receiver                          sender
 *      | ---- Fetch (ticket, or none) ---> |   with a ticket it is a standing grant: no Offer, no Grant
 *      | <--- Offer ---------------------- |   "I have, or will have, these layers"
 *      | ---- Grant (ticket) or Busy ----> |   memory is leased before a ticket leaves
 *      | <=== bytes on the data plane ==== |
 *      | <--- Saved or Attachment -------- |   "all layers are computed"
 *      | ---- Done (ticket) -------------> |
 *      | <--> Cancel, Ping, Bye <--------> |
 * </pre>
 */
public sealed interface Frame {

    /** The protocol's version; peers of different versions refuse each other. */
    int PROTOCOL = 4;

    /** The greatest port. */
    int MAX_PORT = 65_535;

    /**
     * Identity of a node.
     *
     * @param engineId a name for logs
     * @param epoch differs for each start of a process
     * @param address its control address
     * @param groups of its layers; their layouts say what rank it is
     * @param chunkTokens how many tokens of a prompt leave it at once, see {@link
     *     io.kvlink.p2p.internal.transfer.Chunks}; 0 for all
     * @param planes the data planes it can be reached by
     */
    record Identity(
            String engineId,
            long epoch,
            HostPort address,
            List<KvLayerGroup> groups,
            int chunkTokens,
            List<Plane> planes) {
        public Identity {
            groups = List.copyOf(groups);
            planes = List.copyOf(planes);
            KvLayout layout = groups.get(0).layout();
            int first = address.port() - layout.rank();
            if (first < 1 || first + layout.ranks() - 1 > MAX_PORT) {
                throw new IllegalArgumentException(
                        "%s rank=%d of %d".formatted(address, layout.rank(), layout.ranks()));
            }
        }

        /** Number of this rank in its instance. */
        public int rank() {
            return groups.get(0).layout().rank();
        }

        /** Address of rank 0, which is the instance's in routes: a rank adds its number. */
        public HostPort instance() {
            return new HostPort(address.host(), address.port() - rank());
        }
    }

    /**
     * A data plane that a node offers.
     *
     * @param name the plane's name
     * @param endpoint where and how, in the plane's own words
     */
    record Plane(String name, String endpoint) {}

    /**
     * Opens a session.
     *
     * @param protocol the sender's {@link #PROTOCOL}
     * @param identity who dials
     */
    record Hello(int protocol, Identity identity) implements Frame {}

    /**
     * The session is open.
     *
     * @param identity who answers
     * @param plane name of the data plane that both will use
     */
    record Accept(Identity identity, String plane) implements Frame {}

    /**
     * Refusal of a session, or end of one.
     *
     * @param error why
     * @param detail the field and both values
     */
    record Reject(KvError error, String detail) implements Frame {}

    /**
     * "Send me this": starts a held transfer. With a ticket, there is room for all layers, and
     * whoever computes them sends them under it.
     *
     * @param id the transfer
     * @param tokens its length in tokens
     * @param digest the prompt's {@link io.kvlink.p2p.internal.transfer.PromptDigest}
     * @param ticket the receiver's number for all layers; 0 if nothing is granted
     * @param tail the ticket is also for the token behind them, and the receiver waits for an
     *     {@link Attachment}
     */
    record Fetch(TransferId id, int tokens, long digest, long ticket, boolean tail)
            implements Frame {}

    /**
     * "I have, or will have, all these layers for you."
     *
     * @param id the transfer
     * @param tokens its length in tokens
     * @param digest the prompt's {@link io.kvlink.p2p.internal.transfer.PromptDigest}
     * @param group number of the layers' group
     * @param layers how many of it
     * @param tail there will be the token behind them, too, and an attachment
     */
    record Offer(TransferId id, int tokens, long digest, int group, int layers, boolean tail)
            implements Frame {}

    /**
     * "There is room; send these layers under this ticket."
     *
     * @param id the transfer
     * @param ticket the receiver's number for these layers
     * @param group number of the layers' group
     * @param layers how many of it
     * @param tail as in {@link Fetch}
     */
    record Grant(TransferId id, long ticket, int group, int layers, boolean tail)
            implements Frame {}

    /**
     * "No room now; offer again."
     *
     * @param id the transfer
     * @param retryAfterMs when, in milliseconds
     */
    record Busy(TransferId id, int retryAfterMs) implements Frame {}

    /**
     * "All layers of this transfer are computed": they are here as soon as the wire allows.
     *
     * @param id the transfer
     */
    record Saved(TransferId id) implements Frame {}

    /**
     * "All layers of this ticket are computed, the token behind them, too, and these bytes go with
     * it." Sent in the place of {@link Saved} under a ticket with a tail, on every plane.
     *
     * @param id the transfer
     * @param ticket the ticket
     * @param content at most {@link io.kvlink.spi.KvScheduler#MAX_ATTACHMENT_BYTES}; empty if
     *     nothing goes with it: then the tail is worth nothing
     */
    record Attachment(TransferId id, long ticket, Optional<ByteBuffer> content) implements Frame {}

    /**
     * "All layers of this ticket are here."
     *
     * @param id the transfer
     * @param ticket the ticket
     */
    record Done(TransferId id, long ticket) implements Frame {}

    /**
     * "This transfer has ended here without success."
     *
     * @param id the transfer
     * @param error why
     * @param detail the facts
     */
    record Cancel(TransferId id, KvError error, String detail) implements Frame {}

    /** "I am alive." Sent when nothing else was for a while. */
    record Ping() implements Frame {}

    /** "I am leaving." */
    record Bye() implements Frame {}
}
