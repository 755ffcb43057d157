// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/**
 * Abilities that a connector may leave out. All are assumed; where one is denied, the suite checks
 * that the connector refuses cleanly instead of skipping the rule.
 */
public enum TckCapability {
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
    ATTACHMENTS
}
