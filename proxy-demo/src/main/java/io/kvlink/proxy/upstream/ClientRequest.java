// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import java.util.List;

/**
 * Parts of a client's request that travel on.
 *
 * @param method its method
 * @param uri its path and query as the client wrote them
 * @param headers those that are passed on. The client's X-Request-Id isn't among them: whoever
 *     chooses it chooses where a prefill instance sends its KV
 * @param body its body as the client wrote it
 */
public record ClientRequest(HttpMethod method, String uri, HttpHeaders headers, Body body) {

    private static final List<CharSequence> PASSED_ON =
            List.of(
                    HttpHeaderNames.AUTHORIZATION,
                    HttpHeaderNames.ACCEPT,
                    HttpHeaderNames.CONTENT_TYPE,
                    "traceparent",
                    "tracestate",
                    "X-KvLink-Stats");

    /**
     * Bytes with identity instead of array equality.
     *
     * @param bytes never changed
     */
    @SuppressWarnings("ArrayRecordComponent")
    public record Body(byte[] bytes) {}

    /**
     * Copies what a request needs from a message. The message may be released afterwards; its bytes
     * may not be changed.
     *
     * @param client whom the instances let take turns with others
     */
    public static ClientRequest of(FullHttpRequest message, String client) {
        HttpHeaders headers = new DefaultHttpHeaders().set("X-KvLink-Client", client);
        for (CharSequence name : PASSED_ON) {
            List<String> values = message.headers().getAll(name);
            if (!values.isEmpty()) {
                headers.set(name, values);
            }
        }
        ByteBuf content = message.content();
        byte[] body =
                ByteBufUtil.getBytes(
                        content, content.readerIndex(), content.readableBytes(), false);
        return new ClientRequest(message.method(), message.uri(), headers, new Body(body));
    }

    public ClientRequest withBody(byte[] other) {
        return new ClientRequest(method, uri, headers, new Body(other));
    }
}
