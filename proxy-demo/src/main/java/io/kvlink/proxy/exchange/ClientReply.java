// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import io.kvlink.proxy.fleet.ProxyMetrics;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The answer to one client request. Belongs to the event loop of the client's connection. */
// A write that fails ends its channel, which is what the handlers hear of.
@SuppressWarnings("FutureReturnValueIgnored")
public final class ClientReply {

    // These describe one connection, not the answer.
    private static final List<CharSequence> HOP_BY_HOP =
            List.of(
                    HttpHeaderNames.CONNECTION,
                    "keep-alive",
                    "proxy-connection",
                    HttpHeaderNames.PROXY_AUTHENTICATE,
                    HttpHeaderNames.TE,
                    HttpHeaderNames.TRAILER,
                    HttpHeaderNames.TRANSFER_ENCODING,
                    HttpHeaderNames.UPGRADE);

    private final Channel channel;
    private final HttpVersion version;
    private final String path;
    // The client's own name for its request; empty if it has none.
    private final String requestId;
    private final ProxyMetrics metrics;
    private final long startNs;
    // Of a stream of events.
    private @Nullable EventEnd events;

    public ClientReply(
            Channel channel,
            HttpVersion version,
            String path,
            String requestId,
            ProxyMetrics metrics,
            long startNs) {
        this.channel = channel;
        this.version = version;
        this.path = path;
        this.requestId = requestId;
        this.metrics = metrics;
        this.startNs = startNs;
    }

    /** Begins with an instance's status and headers. */
    void head(HttpResponse upstream, String transfer, long nowNs) {
        HttpResponse head = new DefaultHttpResponse(HttpVersion.HTTP_1_1, upstream.status());
        HttpHeaders headers = head.headers().add(upstream.headers());
        HOP_BY_HOP.forEach(headers::remove);
        // An instance may echo the request id, which holds addresses of the inner network.
        headers.set("X-Request-Id", requestId.isEmpty() ? transfer : requestId);
        if (!HttpUtil.isContentLengthSet(head) && version.isKeepAliveDefault()) {
            HttpUtil.setTransferEncodingChunked(head, true);
        }
        events = EventEnd.of(head);
        count(head, nowNs);
        channel.writeAndFlush(head);
    }

    /** Passes a piece of the body on at once; the caller keeps its own reference. */
    void body(ByteBuf piece) {
        if (events != null) {
            events.onPiece(piece);
        }
        channel.writeAndFlush(new DefaultHttpContent(piece.retain()));
    }

    /** The answer is complete. */
    void end() {
        channel.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
    }

    /** An answer of the proxy's own, complete. */
    public void whole(FullHttpResponse response, long nowNs) {
        if (!requestId.isEmpty()) {
            response.headers().set("X-Request-Id", requestId);
        }
        count(response, nowNs);
        channel.writeAndFlush(response);
    }

    /**
     * Ends an answer that has begun and can't be completed, so that the client can't take it for
     * complete. A stream of events ends by an error event, as the instances end theirs. Any other
     * answer, and one in the midst of an event, ends with the connection.
     */
    void breakOff(HttpResponseStatus why, String code, String message) {
        metrics.brokenAnswers.inc();
        if (events != null && events.betweenEvents()) {
            String error = Replies.errorBody(why, code, message);
            String event = "event: error\ndata: " + error + "\n\n";
            body(Unpooled.wrappedBuffer(event.getBytes(StandardCharsets.UTF_8)));
            end();
        } else {
            channel.close();
        }
    }

    boolean writable() {
        return channel.isWritable();
    }

    private void count(HttpResponse head, long nowNs) {
        metrics.responses.labelValues(path, head.status().codeAsText().toString()).inc();
        metrics.firstByte.observe((nowNs - startNs) / (double) TimeUnit.SECONDS.toNanos(1));
    }
}
