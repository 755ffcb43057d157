// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.front;

import io.kvlink.proxy.config.ProxyConfig;
import io.kvlink.proxy.discovery.Discovery;
import io.kvlink.proxy.exchange.ProxyParts;
import io.kvlink.proxy.fleet.Fleet;
import io.kvlink.proxy.fleet.Role;
import io.kvlink.proxy.threads.LoopWatch;
import java.util.ArrayList;
import java.util.List;

/**
 * Answers two questions: whether the proxy works, and whether it could serve a request now. Used
 * from any thread.
 */
final class Health {

    private final ProxyConfig config;
    private final Discovery discovery;
    private final Fleet fleet;
    private final LoopWatch watch;

    Health(ProxyParts parts) {
        this.config = parts.config();
        this.discovery = parts.discovery();
        this.fleet = parts.fleet();
        this.watch = parts.watch();
    }

    /** True if instances can register. */
    boolean discoveryAlive() {
        return discovery.listening() && !discovery.loop().isShuttingDown();
    }

    /** Reasons for a restart; empty if the proxy works. */
    List<String> whyNotLive() {
        List<String> reasons = new ArrayList<>(watch.complaints());
        if (!discovery.listening()) {
            reasons.add("the discovery port is closed");
        }
        return reasons;
    }

    /** Reasons why no request can be served now; empty if one can, of whatever model. */
    List<String> whyNotReady() {
        List<String> reasons = whyNotLive();
        if (fleet.models().isEmpty()) {
            reasons.addAll(whyNotServed(""));
        } else if (fleet.models().stream().noneMatch(this::serves)) {
            for (String model : fleet.models()) {
                whyNotServed(model).forEach(why -> reasons.add("model=" + model + ": " + why));
            }
        }
        return reasons;
    }

    /** True if a request for this model can be served now. */
    boolean serves(String model) {
        return whyNotServed(model).isEmpty();
    }

    // A prefill instance that refuses is no reason: a decode instance computes the prompt then.
    private List<String> whyNotServed(String model) {
        List<String> reasons = new ArrayList<>();
        boolean decodes = fleet.count(Role.DECODE, model) > 0;
        boolean prefills = fleet.count(Role.PREFILL, model) > 0;
        if (!decodes) {
            reasons.add("no decode instance is registered");
        } else if (fleet.usable(Role.DECODE, model) == 0) {
            reasons.add("every decode instance has refused a connection or said 503 just now");
        }
        if (!prefills && !config.decodeAlone() && !fleet.serves(model, false)) {
            reasons.add("no prefill instance is registered");
        } else if (decodes && !fleet.serves(model, config.decodeAlone())) {
            reasons.add("no two instances exchange KV");
        }
        return reasons;
    }
}
