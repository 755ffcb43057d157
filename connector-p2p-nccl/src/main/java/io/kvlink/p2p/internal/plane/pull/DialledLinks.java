// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.FailureLog;
import io.kvlink.spi.KvConnectorException;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Links that this node has dialled, to receive on: one for each peer. Device thread. */
final class DialledLinks {

    private static final Logger log = LoggerFactory.getLogger(DialledLinks.class);

    private final SideChannel channel;
    private final Wire wire;
    private final String selfText;
    private final long unusedNs;
    private final FailureLog failures = new FailureLog(log);
    private final Map<String, Link> byEndpoint = new HashMap<>();
    private final Map<Link, Long> usedNs = new HashMap<>();

    /**
     * Starts without links.
     *
     * @param selfText what this node is called by its peers
     * @param unusedNs links that nothing was received on for so long may be closed
     */
    DialledLinks(SideChannel channel, Wire wire, String selfText, long unusedNs) {
        this.channel = channel;
        this.wire = wire;
        this.selfText = selfText;
        this.unusedNs = unusedNs;
    }

    @Nullable Link find(String endpoint) {
        return byEndpoint.get(endpoint);
    }

    List<Link> all() {
        return List.copyOf(byEndpoint.values());
    }

    /** The link to a peer, dialled if there is none; {@code null} if not even that works. */
    @Nullable Link dial(String endpoint, long nowNs) {
        Link known = byEndpoint.get(endpoint);
        if (known != null) {
            return known;
        }
        GpuEndpoint peer =
                GpuEndpoint.parse(endpoint)
                        .orElseThrow(() -> new IllegalArgumentException("endpoint=" + endpoint));
        Link link;
        try {
            link = channel.dial(peer, endpoint, selfText);
        } catch (IOException cause) {
            failures.failed("dial", cause);
            return null;
        }
        try {
            wire.greet(link);
        } catch (KvConnectorException cause) {
            failures.failed("greet", cause);
            channel.close(link);
            wire.release(link);
            return null;
        }
        byEndpoint.put(endpoint, link);
        used(link, nowNs);
        return link;
    }

    void used(Link link, long nowNs) {
        usedNs.put(link, nowNs);
    }

    /** All were used just now: there was no time before. */
    void beginTime(long nowNs) {
        usedNs.replaceAll((link, unknown) -> nowNs);
    }

    /** Links that nothing was received on for too long. */
    List<Link> unused(Predicate<Link> inUse, long nowNs) {
        byEndpoint.values().stream().filter(inUse).forEach(link -> used(link, nowNs));
        return byEndpoint.values().stream()
                .filter(link -> nowNs - usedNs.getOrDefault(link, nowNs) > unusedNs)
                .toList();
    }

    /** A link ends: the next receive dials another one. */
    void forget(Link link) {
        byEndpoint.remove(link.endpoint, link);
        usedNs.remove(link);
    }
}
