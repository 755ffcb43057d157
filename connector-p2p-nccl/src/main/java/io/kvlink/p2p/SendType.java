// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

/** Who begins a transfer, and who waits for it: {@code send_type} of the configuration. */
public enum SendType {
    /** The sender offers each layer group and the step waits until all are sent. */
    PUT,
    /** The sender keeps the KV until the receiver fetches it, or a lease ends. */
    GET,
    /** The sender offers, and the step goes on. */
    PUT_ASYNC
}
