// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import java.util.ArrayList;
import java.util.List;

/** Calls of engines that broke the contract, and how many steps there were. Any thread. */
final class EngineCalls {

    private static final int MOST = 100;

    private final List<String> violations = new ArrayList<>();
    private int steps;

    synchronized void onStep() {
        steps++;
    }

    void require(boolean holds, String call, Object about) {
        if (!holds) {
            onViolation(call + ": " + about);
        }
    }

    private synchronized void onViolation(String what) {
        if (violations.size() < MOST) {
            violations.add(what);
        }
    }

    synchronized List<String> violations() {
        return List.copyOf(violations);
    }

    synchronized int steps() {
        return steps;
    }
}
