// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;

/**
 * Collects a request's body up to a limit; over it, answers 413 and drops what still comes, so that
 * the client can read the answer.
 */
// A write that fails ends its channel, which is what the handlers hear of.
@SuppressWarnings("FutureReturnValueIgnored")
final class BodyLimit extends HttpObjectAggregator {

    private final int limit;
    private final ProxyMetrics metrics;

    BodyLimit(int limit, ProxyMetrics metrics) {
        super(limit);
        this.limit = limit;
        this.metrics = metrics;
    }

    @Override
    protected void handleOversizedMessage(ChannelHandlerContext ctx, HttpMessage oversized) {
        metrics.responses.labelValues("oversized", "413").inc();
        boolean keep = HttpUtil.isKeepAlive(oversized);
        ChannelFuture sent =
                ctx.writeAndFlush(
                        Replies.error(
                                HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                                "body_too_large",
                                "The body is larger than max_body_bytes=" + limit + "."));
        sent.addListener(
                done -> {
                    if (!keep || !done.isSuccess()) {
                        ctx.close();
                    }
                });
    }
}
