// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import java.util.List;
import java.util.stream.Stream;

/**
 * Facts that an instance adds to what the proxy needs of it. Texts are empty, and numbers 0, if it
 * doesn't say.
 *
 * @param role {@code kv_producer}, {@code kv_consumer}, {@code kv_both}, or {@code none} without a
 *     connector
 * @param version KvLink's
 * @param kvProtocol what it speaks with its peers: name and version, several with commas between
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

    /** True if both speak one of the protocols of the other, or one of them says none. */
    boolean sharesProtocol(Reported other) {
        return kvProtocol.isEmpty()
                || other.kvProtocol.isEmpty()
                || kvProtocol.equals(other.kvProtocol)
                || protocols().anyMatch(own -> other.protocols().anyMatch(own::equals));
    }

    private Stream<String> protocols() {
        return Stream.of(kvProtocol.split(",", -1)).map(String::trim).filter(own -> !own.isEmpty());
    }
}
