// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.send.SendState.Ended;
import io.kvlink.p2p.internal.send.SendState.Ticket;
import io.kvlink.p2p.internal.session.Session;

/** Effect of a step of {@link SendMachine}, for {@link Sender} to bring about. */
sealed interface SendEffect {

    /** Send a frame. If it can't be queued, {@link SendEvent.Unsent} follows. */
    record SendFrame(Session session, Frame frame) implements SendEffect {}

    /** Call the receiver. {@link SendEvent.Dialled} follows. */
    record Dial() implements SendEffect {}

    /** Give the device the pieces that are wanted of these, in the order of saving. */
    record Post(Session session, Ticket ticket, int from, int to) implements SendEffect {}

    /** Give the device a tail without content: the receiver waits for one. */
    record PostEmptyTail(Session session, Ticket ticket) implements SendEffect {}

    /** Have the device give up what it was given. */
    record CancelSends(Session session, Ticket ticket) implements SendEffect {}

    /** Note that no tail will come. */
    record DropTail() implements SendEffect {}

    /** Let go of the memory and report the end: the last effect of a transfer. */
    record Conclude(Ended end) implements SendEffect {}
}
