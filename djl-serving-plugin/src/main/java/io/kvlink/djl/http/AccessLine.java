// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpRequest;
import java.net.SocketAddress;
import java.time.InstantSource;
import org.slf4j.Logger;

/**
 * One request's line in DJL Serving's access log, written as DJL Serving writes it: when the head
 * of the answer goes out. On the channel's event loop only.
 */
final class AccessLine {

    private final Logger log;
    private final InstantSource clock;
    private final long begunMs;
    private final String request;

    /** Begins when a request comes. */
    AccessLine(Logger log, InstantSource clock, Channel channel, HttpRequest request) {
        this.log = log;
        this.clock = clock;
        this.begunMs = clock.millis();
        this.request =
                log.isInfoEnabled() ? address(channel) + " \"" + described(request) + '"' : "";
    }

    void answered(int status) {
        log.info("{} {} {}", request, status, clock.millis() - begunMs);
    }

    private static String address(Channel channel) {
        SocketAddress address = channel.remoteAddress();
        return address == null ? "0.0.0.0" : address.toString();
    }

    private static String described(HttpRequest request) {
        String line =
                request.decoderResult().isSuccess()
                        ? request.method() + " " + request.uri() + " " + request.protocolVersion()
                        : "GET " + request.uri() + " HTTP/1.1";
        // A terminal that shows the log obeys them.
        return line.replaceAll("[\\x00-\\x1f\\x7f-\\x9f]", "?");
    }
}
