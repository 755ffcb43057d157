// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

/**
 * Order of a transfer's two sides, which says who waits for whom: {@code send_type} of the
 * configuration.
 */
public enum SendType {
    /**
     * The step waits until its layers are sent, but not for a receiver without room: then the
     * transfer goes on behind the step.
     */
    PUT,
    /** The sender keeps the KV until the receiver fetches it, or a lease ends. */
    GET,
    /** The sender offers, and the step goes on. */
    PUT_ASYNC
}
