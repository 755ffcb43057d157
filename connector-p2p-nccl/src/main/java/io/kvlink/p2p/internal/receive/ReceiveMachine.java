// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * State machine of a transfer on its way in. Total over all pairs of state and event, and pure: it
 * has no clock, makes no call and keeps nothing. The result of an effect comes in as an event.
 */
final class ReceiveMachine {

    /** State after an event, and the effects on the way to it, in order. */
    record Step(Receipt next, List<ReceiveEffect> effects) {

        static Step to(Receipt next, ReceiveEffect... effects) {
            return new Step(next, List.of(effects));
        }

        Step and(ReceiveEffect effect) {
            return then(to(next, effect));
        }

        Step and(Optional<ReceiveEffect> effect) {
            return effect.map(this::and).orElse(this);
        }

        /** Appends another step, from where this one led. */
        Step then(Step second) {
            List<ReceiveEffect> all = new ArrayList<>(effects);
            all.addAll(second.effects);
            return new Step(second.next, List.copyOf(all));
        }
    }

    private ReceiveMachine() {}

    /**
     * One step.
     *
     * @param state where the transfer stands
     * @param event what has happened
     * @throws IllegalStateException if that can't happen there
     */
    static Step on(Receipt state, ReceiveEvent event) {
        return state.on(event);
    }
}
