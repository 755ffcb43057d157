// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.body;

import io.kvlink.http.BodyLimit;
import io.kvlink.http.HttpFault;
import io.netty.handler.codec.http.HttpResponseStatus;

/** The limits of one connection's bodies: each by itself, and with those of all connections. */
public record ProxyBodyLimit(int bytes, BufferedBytes.Share share) implements BodyLimit {

    @Override
    public HttpFault tooLarge() {
        return BodyLimit.refusal("max_body_bytes", bytes);
    }

    @Override
    public boolean take(int more) {
        return share.take(more);
    }

    @Override
    public HttpFault noRoom() {
        return new HttpFault(
                HttpResponseStatus.SERVICE_UNAVAILABLE,
                "busy",
                "Other requests' bodies take all of max_buffered_bytes.");
    }

    @Override
    public void giveBack() {
        share.release();
    }
}
