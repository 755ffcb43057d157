// SPDX-License-Identifier: Apache-2.0
package ai.djl.serving.plugins;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.QueryStringDecoder;

/**
 * Interface that DJL Serving asks of a plugin that answers HTTP requests. The host brings its own
 * copy of this type. Ours has the same name and descriptors, so that a plugin compiles without DJL
 * Serving. It is never packaged with a plugin.
 *
 * <p>Both methods run on the host's Netty event loop and must not block.
 *
 * @param <T> what {@link #handleRequest} returns
 */
public interface RequestHandler<T> {

    /**
     * Says whether this handler answers the message. Called more than once for one message.
     *
     * @param msg a decoded HTTP message
     * @return true if {@link #handleRequest} is to be called with it
     */
    boolean acceptInboundMessage(Object msg);

    /**
     * Answers one request.
     *
     * @param ctx the channel's context
     * @param req the whole request; the host releases it when this method returns
     * @param decoder the request's URI, decoded
     * @param segments the path split at {@code '/'}; the first is empty
     * @return {@code null} if the handler writes the response itself; otherwise what the host sends
     *     as JSON, at once or when the returned future completes
     */
    T handleRequest(
            ChannelHandlerContext ctx,
            FullHttpRequest req,
            QueryStringDecoder decoder,
            String[] segments);
}
