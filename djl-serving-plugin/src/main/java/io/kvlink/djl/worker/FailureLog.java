// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;

/**
 * Logs each distinct failure of a loop at its first, second, fourth, eighth time and so on, with
 * the count. So a failure in every turn doesn't fill the disk. One thread.
 */
final class FailureLog {

    private static final int DISTINCT = 64;

    private final Logger log;
    private final Map<String, Long> counts =
            new LinkedHashMap<>() {
                @Override
                protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
                    return size() > DISTINCT;
                }
            };

    FailureLog(Logger log) {
        this.log = log;
    }

    void add(String where, Throwable cause) {
        add(where, "", cause);
    }

    /** Like {@code add}, with a subject that is named but makes no failure another one. */
    void add(String where, String subject, Throwable cause) {
        long count = counts.merge(where + ": " + cause, 1L, Long::sum);
        if (Long.bitCount(count) == 1) {
            log.error("{} {} count={}", where, subject, count, cause);
        }
    }
}
