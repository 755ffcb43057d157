// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.send.SavedKv;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.TransferRoute;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Requests of the engine, as both halves know them. The halves may run on two threads. Each map has
 * one writer at a time, by the order in which an engine calls.
 */
final class P2pRequests {

    private final KvRole role;
    // In routes.
    private final HostPort address;

    final Map<String, AwaitedKv> awaited = new ConcurrentHashMap<>();
    final Map<String, SavedKv> saved = new ConcurrentHashMap<>();

    P2pRequests(KvRole role, HostPort address) {
        this.role = role;
        this.address = address;
    }

    /** True if this instance is to receive the request's KV. */
    boolean consumed(KvRequest request) {
        return moves(request)
                && role.consumes()
                && (role != KvRole.BOTH || route(request).decode().equals(address));
    }

    /** True if this instance is to send the request's KV. */
    boolean produced(KvRequest request) {
        return moves(request)
                && role.produces()
                && (role != KvRole.BOTH || route(request).prefill().equals(address));
    }

    // A route from an instance to itself, and a prompt of one token, leave nothing to move.
    private static boolean moves(KvRequest request) {
        return request.route().isPresent()
                && request.transferTokens() > 0
                && !route(request).prefill().equals(route(request).decode());
    }

    private static TransferRoute route(KvRequest request) {
        return request.route().orElseThrow();
    }
}
