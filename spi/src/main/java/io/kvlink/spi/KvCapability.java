// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * Abilities that a connector may have or lack. An engine asks for them at run time ({@link
 * KvConnector#capabilities}), the contract suite before its rules.
 */
public enum KvCapability {
    /** KV moves between the two instances that a request's route names. */
    PEERS,
    /** KV of requests without a route is kept, and any later request may load it by its tokens. */
    STORE,
    /** One instance sends and receives: {@code kv_both}. Without it the role is BAD_CONFIG. */
    BOTH_ROLES,
    /** A prompt may be prefilled in several steps. Without it such a transfer fails. */
    CHUNKED_PREFILL,
    /**
     * KV leaves the producer before anybody asks for it. Without it (held fetch) the producer keeps
     * its blocks until the consumer has asked.
     */
    PUSH,
    /** The engine may have the head of a prompt already; the tail is loaded behind it. */
    LOAD_BEHIND_PREFIX,
    /**
     * Attachments: a producer's bytes come with the KV of the whole prompt. Without it all but the
     * prompt's last token is loaded, whatever is attached.
     */
    ATTACHMENTS,
    /** KV of generated tokens is saved, not only that of prompts. */
    GENERATED_TOKENS,
    /** The halves may live in different processes: see {@link KvConnectorContext#half}. */
    SPLIT_HALVES,
    /** Stored and removed KV is told: see {@link KvConnector#takeEvents}. */
    KV_EVENTS
}
