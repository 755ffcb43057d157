// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

/**
 * State machine of a transfer on its way in. Total over all pairs of state and event, and pure: it
 * has no clock, makes no call and keeps nothing. What is to be done comes out as effects, in their
 * order; the result of an effect comes in as an event.
 */
final class ReceiveMachine {

    private ReceiveMachine() {}

    /**
     * One step.
     *
     * @param state where the transfer stands
     * @param event what has happened
     * @throws IllegalStateException if the event can't happen in that state
     */
    static Step on(Receipt state, ReceiveEvent event) {
        return event.applyTo(state);
    }
}
