// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import java.util.List;

/**
 * Facts that an instance adds to what the proxy needs of it. Texts are empty, and numbers 0, if it
 * doesn't say.
 *
 * @param role {@code kv_producer}, {@code kv_consumer}, {@code kv_both}, or {@code none} without a
 *     connector
 * @param version KvLink's
 * @param kvProtocol connector and the version of what it says to its peers
 * @param capabilities the connector's
 * @param queue requests without KV memory
 * @param running requests with KV memory
 * @param freeKvTokens tokens for which there is KV memory
 */
public record Reported(
        String role,
        String version,
        String kvProtocol,
        List<String> capabilities,
        long queue,
        long running,
        long freeKvTokens) {

    /** Facts of an instance that adds none. */
    static final Reported NOTHING = new Reported("", "", "", List.of(), 0, 0, 0);

    public Reported {
        capabilities = List.copyOf(capabilities);
    }
}
