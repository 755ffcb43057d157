// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import java.util.EnumSet;
import java.util.Set;

/** Progress of the client's answer. */
enum ExchangeState {
    /** The client has heard nothing. */
    WAITING,
    /** The client has the status line of the source's answer. */
    ANSWERING,
    /** The client has all it will get. */
    DONE;

    Set<ExchangeState> next() {
        return switch (this) {
            case WAITING -> EnumSet.of(ANSWERING, DONE);
            case ANSWERING -> EnumSet.of(DONE);
            case DONE -> EnumSet.noneOf(ExchangeState.class);
        };
    }
}
