// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** Fate of a request whose KV didn't arrive: {@code kv_load_failure_policy}. */
public enum KvLoadFailurePolicy {
    /** Compute the prompt here. The default. */
    RECOMPUTE("recompute"),
    /** Answer with an error. */
    FAIL("fail");

    private final String key;

    KvLoadFailurePolicy(String key) {
        this.key = key;
    }

    /** The word in the configuration. */
    public String key() {
        return key;
    }
}
