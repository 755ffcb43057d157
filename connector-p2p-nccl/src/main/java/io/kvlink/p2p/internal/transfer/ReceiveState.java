// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import java.util.EnumSet;
import java.util.Set;

/** Where an {@link Inbound} transfer stands. */
enum ReceiveState {
    /** Nothing is leased: expected, or told to offer again. */
    EXPECTED,
    /** Memory for all layers is leased; the next group hasn't been offered yet. */
    RESERVED,
    /** An offer waits for its turn in the lane. */
    QUEUED,
    /** A ticket is out. */
    GRANTED,
    /** All layers are here. */
    COMPLETE,
    /** It has failed; the device may still write. */
    DRAINING,
    /** It has failed; nothing is leased. Kept until its request has heard of it. */
    FAILED,
    /** Over; nothing is leased. */
    ENDED;

    Set<ReceiveState> next() {
        return switch (this) {
            case EXPECTED -> EnumSet.of(RESERVED, FAILED, ENDED);
            case RESERVED -> EnumSet.of(QUEUED, GRANTED, FAILED, ENDED);
            case QUEUED -> EnumSet.of(GRANTED, FAILED, ENDED);
            case GRANTED -> EnumSet.of(RESERVED, COMPLETE, DRAINING);
            case COMPLETE -> EnumSet.of(FAILED, ENDED);
            case DRAINING -> EnumSet.of(FAILED, ENDED);
            case FAILED -> EnumSet.of(ENDED);
            case ENDED -> EnumSet.noneOf(ReceiveState.class);
        };
    }
}
