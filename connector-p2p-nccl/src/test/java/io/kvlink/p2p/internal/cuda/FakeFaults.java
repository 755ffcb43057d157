// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import java.util.HashMap;
import java.util.Map;

/** Calls that are to fail. One thread at a time. */
final class FakeFaults {

    private final Map<String, Integer> planned = new HashMap<>();

    void plan(String method, int successes) {
        planned.put(method, successes);
    }

    /** Throws if it is this call's turn to fail. */
    void check(String method) {
        if (due(method)) {
            throw FakeCuda.failure(method, "FAKE_PLANNED", "");
        }
    }

    /** True if it is this call's turn to fail. */
    boolean due(String method) {
        Integer left = planned.get(method);
        if (left == null) {
            return false;
        }
        if (left > 0) {
            planned.put(method, left - 1);
            return false;
        }
        planned.remove(method);
        return true;
    }
}
