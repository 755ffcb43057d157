// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Outcome of an event.
 *
 * @param next where the transfer stands now
 * @param effects what is to be done, in this order
 */
record Step(Receipt next, List<ReceiveEffect> effects) {

    static Step to(Receipt next, ReceiveEffect... effects) {
        return new Step(next, List.of(effects));
    }

    /** This step, and one more effect behind its own, if there is one. */
    Step and(Optional<ReceiveEffect> effect) {
        return effect.map(this::and).orElse(this);
    }

    /** This step, and one more effect behind its own. */
    Step and(ReceiveEffect effect) {
        return then(to(next, effect));
    }

    /** This step, and then another one from where it led. */
    Step then(Step second) {
        List<ReceiveEffect> all = new ArrayList<>(effects);
        all.addAll(second.effects);
        return new Step(second.next, List.copyOf(all));
    }
}
