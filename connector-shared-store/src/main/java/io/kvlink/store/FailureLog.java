// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs a file system's failures: one line for each kind of them in a row. Any thread. */
final class FailureLog {

    private static final Logger log = LoggerFactory.getLogger(FailureLog.class);

    private final Object lock = new Object();
    private String last = "";

    /**
     * Notes a failure.
     *
     * @param what {@code key=value} of what has failed
     */
    void add(String what, Throwable cause) {
        String kind = what + cause.getClass().getName();
        synchronized (lock) {
            if (kind.equals(last)) {
                return;
            }
            last = kind;
        }
        log.warn("{}; requests go on without the store. See its metrics", what, cause);
    }
}
