// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** Part of an instance in a transfer: {@code kv_role} of the configuration. */
public enum KvRole {
    /** Prefill: computes prompts and sends their KV. */
    PRODUCER("kv_producer"),
    /** Decode: receives KV and writes answers. */
    CONSUMER("kv_consumer"),
    /** Either, decided for each request by the addresses of its route. */
    BOTH("kv_both");

    private final String key;

    KvRole(String key) {
        this.key = key;
    }

    /** The word in the configuration. */
    public String key() {
        return key;
    }

    /** True if an instance of this role sends KV. */
    public boolean produces() {
        return this != CONSUMER;
    }

    /** True if an instance of this role receives KV. */
    public boolean consumes() {
        return this != PRODUCER;
    }
}
