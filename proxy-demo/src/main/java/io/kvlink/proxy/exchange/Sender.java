// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import io.kvlink.proxy.config.ProxyConfig;
import io.kvlink.proxy.fleet.Instance;
import io.kvlink.proxy.upstream.ClientRequest;
import io.kvlink.proxy.upstream.UpstreamCall;
import io.netty.channel.EventLoop;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sends one client's request to instances. Belongs to its exchange's event loop. */
final class Sender {

    private static final Logger LOG = LoggerFactory.getLogger(Sender.class);

    private final ProxyParts parts;
    private final EventLoop loop;
    private final ModelRequest request;
    private final UpstreamCall.Listener listener;

    Sender(ProxyParts parts, EventLoop loop, ModelRequest request, UpstreamCall.Listener listener) {
        this.parts = parts;
        this.loop = loop;
        this.request = request;
        this.listener = listener;
    }

    /** Begins a try by a pair. With serial dispatch the call to the decode instance waits. */
    Attempt toPair(Instance prefillOn, Instance decodeOn) {
        Attempt attempt = Attempt.by(prefillOn, decodeOn, parts.ids().next());
        LOG.debug("transfer={} {} dispatched", attempt.transfer(), attempt.instances());
        ClientRequest forPrefill = Objects.requireNonNull(request.forPrefill());
        UpstreamCall first = call(prefillOn, forPrefill, attempt);
        UpstreamCall second = call(decodeOn, request.forDecode(), attempt);
        attempt.begin(first, second);
        start(first);
        if (parts.config().dispatch() == ProxyConfig.Dispatch.CONCURRENT) {
            start(second);
        }
        return attempt;
    }

    /** Begins a try by a decode instance alone. */
    Attempt toOne(Instance decodeOn) {
        Attempt attempt = Attempt.by(decodeOn, parts.ids().next());
        UpstreamCall only = call(decodeOn, request.forDecode(), attempt);
        attempt.begin(null, only);
        start(only);
        return attempt;
    }

    void start(UpstreamCall call) {
        call.start(parts.names(), parts.calls(), parts.config().connectTimeoutMs());
    }

    private UpstreamCall call(Instance instance, ClientRequest what, Attempt attempt) {
        return new UpstreamCall(instance, what, attempt.requestId(), loop, listener);
    }
}
