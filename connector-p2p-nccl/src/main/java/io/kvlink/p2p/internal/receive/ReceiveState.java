// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import java.util.EnumSet;
import java.util.Set;

/** Where an {@link Inbound} transfer stands. */
enum ReceiveState {
    /** Nothing is leased: expected, or told to offer again. */
    EXPECTED,
    /** A ticket for all layers went out with our own call; its sender may not have begun. */
    STANDING,
    /**
     * That ticket is worth nothing any more; the device may still write. Then it is asked again.
     */
    RECALLED,
    /** A ticket for all layers answered an offer. */
    GRANTED,
    /** All layers are here. */
    COMPLETE,
    /** It has failed; the device may still write. */
    DRAINING,
    /** It has failed. Kept until its request has heard of it. */
    FAILED,
    /** Over; nothing is leased. */
    ENDED;

    Set<ReceiveState> next() {
        return switch (this) {
            case EXPECTED -> EnumSet.of(STANDING, GRANTED, FAILED, ENDED);
            case STANDING -> EnumSet.of(RECALLED, COMPLETE, DRAINING);
            case RECALLED -> EnumSet.of(EXPECTED, COMPLETE, DRAINING);
            case GRANTED -> EnumSet.of(COMPLETE, DRAINING);
            case COMPLETE -> EnumSet.of(FAILED, ENDED);
            case DRAINING -> EnumSet.of(FAILED, ENDED);
            case FAILED -> EnumSet.of(ENDED);
            case ENDED -> EnumSet.noneOf(ReceiveState.class);
        };
    }
}
