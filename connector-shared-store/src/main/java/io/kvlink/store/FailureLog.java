// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs a file system's failures: each distinct one at its first, second, fourth, eighth time and so
 * on, with the count. Any thread.
 */
final class FailureLog {

    private static final Logger log = LoggerFactory.getLogger(FailureLog.class);
    private static final int DISTINCT = 64;

    private final Object lock = new Object();
    private final Map<String, Long> counts =
            new LinkedHashMap<>() {
                @Override
                protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
                    return size() > DISTINCT;
                }
            };

    /**
     * Notes a failure.
     *
     * @param what {@code key=value} of what has failed
     */
    void add(String what, Throwable cause) {
        long count = count(what + cause.getClass().getName());
        if (Long.bitCount(count) == 1) {
            log.warn(
                    "{} count={}; requests go on without the store. See its metrics",
                    what,
                    count,
                    cause);
        }
    }

    private long count(String kind) {
        synchronized (lock) {
            return counts.merge(kind, 1L, Long::sum);
        }
    }
}
