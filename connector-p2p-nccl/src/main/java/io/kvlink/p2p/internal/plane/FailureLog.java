// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;

/**
 * Logs failures that may come again and again: each kind the first time, and whenever its count has
 * grown tenfold. Device thread.
 */
public final class FailureLog {

    private final Logger log;
    // Kinds are literals in our code, so the map is small.
    private final Map<String, Count> counts = new HashMap<>();

    public FailureLog(Logger log) {
        this.log = log;
    }

    /**
     * Counts a failure and perhaps logs it.
     *
     * @param kind what, in the same words each time
     * @param detail the facts, of which the first ones are logged
     */
    public void failed(String kind, Object detail) {
        Count count = counts.computeIfAbsent(kind, key -> new Count());
        count.seen++;
        if (count.seen == count.next) {
            count.next *= 10;
            log.warn("{}: {} count={}", kind, detail, count.seen);
        }
    }

    private static final class Count {
        long seen;
        long next = 1;
    }
}
