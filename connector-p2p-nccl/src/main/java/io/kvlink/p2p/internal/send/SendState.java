// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import java.util.EnumSet;
import java.util.Set;

/** Where an {@link Outbound} transfer stands. */
enum SendState {
    /** For a session, a fetch, or the end of a back-off. */
    WAITING,
    /** An offer is out. */
    OFFERED,
    /** A ticket is here; its layers are being sent. */
    GRANTED,
    /** It has failed; the device still reads the source. */
    DRAINING,
    /** It has ended; nothing reads the source. */
    ENDED;

    Set<SendState> next() {
        return switch (this) {
            case WAITING -> EnumSet.of(OFFERED, GRANTED, DRAINING, ENDED);
            case OFFERED -> EnumSet.of(WAITING, GRANTED, DRAINING, ENDED);
            case GRANTED -> EnumSet.of(DRAINING, ENDED);
            case DRAINING -> EnumSet.of(ENDED);
            case ENDED -> EnumSet.noneOf(SendState.class);
        };
    }
}
