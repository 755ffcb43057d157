// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import java.util.EnumSet;
import java.util.Set;

/**
 * Progress of a sequence.
 *
 * <pre>
 *  WAITING --+--> LOADING_NOW --+--> PREFILL --> DECODE --> ENDED
 *            |         |        |                  ^
 *            +--> LOADING ------+------------------+
 *            +--> PREFILL or DECODE, without a load
 * </pre>
 *
 * A load that failed leads to PREFILL or DECODE from the first token, or back to WAITING if the
 * connector keeps the blocks. One that gives its blocks up for others goes from PREFILL or DECODE
 * back to WAITING. Everything leads to ENDED.
 */
enum Phase {
    /** No blocks yet. */
    WAITING,
    /** Blocks are there; the load takes part in the next step. */
    LOADING_NOW,
    /** Blocks are there; the connector fills them meanwhile. */
    LOADING,
    /**
     * The step computes more of the prompt than the last token; unless bits count, that one too.
     */
    PREFILL,
    /**
     * Computes one token a turn: in exact the prompt's last one first, as behind a load of all
     * others, then those of the answer. Among them are those that are known already, if their KV
     * was given up.
     */
    DECODE,
    ENDED;

    Set<Phase> next() {
        return switch (this) {
            case WAITING -> EnumSet.of(LOADING_NOW, LOADING, PREFILL, DECODE, ENDED);
            case LOADING_NOW -> EnumSet.of(LOADING, PREFILL, DECODE, WAITING, ENDED);
            case LOADING -> EnumSet.of(PREFILL, DECODE, WAITING, ENDED);
            case PREFILL -> EnumSet.of(DECODE, WAITING, ENDED);
            case DECODE -> EnumSet.of(WAITING, ENDED);
            case ENDED -> EnumSet.noneOf(Phase.class);
        };
    }
}
