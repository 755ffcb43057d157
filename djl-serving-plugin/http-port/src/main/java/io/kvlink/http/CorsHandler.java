// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpStatusClass;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Says in every answer of a connection which pages of other origins may read it. Whoever answers
 * knows nothing of that, {@code OPTIONS} aside. One per connection, on its event loop.
 */
public final class CorsHandler extends ChannelDuplexHandler {

    // A client that sends more before it has an answer is cut off elsewhere.
    private static final int MAX_ASKED = 64;

    private final CorsSettings settings;
    // Of requests without an answer, in their order.
    private final Queue<HttpRequest> asked = new ArrayDeque<>();

    /** Serves one connection, next to its codec. */
    public CorsHandler(CorsSettings settings) {
        this.settings = settings;
    }

    /** {@inheritDoc} */
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof HttpRequest request && asked.size() < MAX_ASKED) {
            asked.add(request);
        }
        ctx.fireChannelRead(message);
    }

    /** {@inheritDoc} */
    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        if (message instanceof HttpResponse answer
                && answer.status().codeClass() != HttpStatusClass.INFORMATIONAL) {
            HttpRequest request = asked.poll();
            if (request == null) {
                settings.addTo(answer.headers(), null);
            } else {
                settings.answer(answer.headers(), request);
            }
        }
        ChannelFuture unused = ctx.write(message, promise);
    }
}
