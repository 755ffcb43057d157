// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferId;
import java.util.Optional;

/**
 * Something to be done for a transfer on its way in. An effect that is answered by an event,
 * perhaps at once, is the last one of its step.
 */
sealed interface ReceiveEffect {

    /** Call the prefill instance. {@link ReceiveEvent.CallOpened} follows, at once or later. */
    record Dial(TransferId id, HostPort prefill) implements ReceiveEffect {}

    /** Lease memory for a standing grant. {@link ReceiveEvent.Reserved} or NoRoom follows. */
    record ReserveAhead(Subject subject, Session call, boolean tail) implements ReceiveEffect {}

    /** Lease memory for an offer. {@link ReceiveEvent.Reserved}, NoRoom or TooLarge follows. */
    record Reserve(Subject subject, Session by, boolean tail, long startedNs)
            implements ReceiveEffect {}

    /** Have the device receive. Its reports follow, a {@link ReceiveEvent.TicketEnd} last. */
    record Post(Subject subject, Ticket ticket) implements ReceiveEffect {}

    /** Ask for the transfer, under a standing grant or without; again until it is sent. */
    record SendFetch(Subject subject, Session call, Optional<Ticket> ticket)
            implements ReceiveEffect {}

    /** Answer an offer. {@link ReceiveEvent.GrantLost} follows if that can't be sent. */
    record SendGrant(Subject subject, Ticket ticket) implements ReceiveEffect {}

    /** Send a frame, unless the session is over. */
    record Send(Session to, Frame frame) implements ReceiveEffect {}

    /** Have the device let go of the memory; it reports that. */
    record CancelReceive(Ticket ticket) implements ReceiveEffect {}

    /** Free the memory: neither the device nor a request has it any more. */
    record CloseLeases(Ticket ticket) implements ReceiveEffect {}

    /** Give a request the word that it waits for. */
    record Tell(Expectation request, Expectation.Status word) implements ReceiveEffect {}

    /** Wake an engine that reads. */
    record Wake() implements ReceiveEffect {}

    /** Count and log a failure, and tell whoever waits for a layer. */
    record CountFailed(
            Subject subject, Expectation.Failed why, String plane, long bytes, long durationNs)
            implements ReceiveEffect {}

    /** Count a transfer that came whole. */
    record CountReceived(Subject subject, Ticket ticket) implements ReceiveEffect {}

    /** Log that nobody has asked for a transfer that came. */
    record WarnUnclaimed(TransferId id) implements ReceiveEffect {}
}
