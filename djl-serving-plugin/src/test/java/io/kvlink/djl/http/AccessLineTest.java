// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.http.CorsSettings;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.event.SubstituteLoggingEvent;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.helpers.SubstituteLogger;

class AccessLineTest {

    // DJL Serving's own: /127.0.0.1:38222 "POST /predictions/m HTTP/1.1" 200 57
    @Test
    void shouldSayOfEachAnswerWhatDjlServingSays() {
        var events = new java.util.concurrent.LinkedBlockingQueue<SubstituteLoggingEvent>();
        Logger log = new SubstituteLogger("ACCESS_LOG", events, false);
        long[] nowMs = {1000};
        FakeGenerator model = new FakeGenerator("m");
        try (OpenAiSurface surface =
                new OpenAiSurface(
                        () -> List.of(model),
                        () -> Instant.ofEpochMilli(nowMs[0]),
                        CorsSettings.NONE,
                        log)) {
            EmbeddedChannel channel =
                    new EmbeddedChannel(
                            new ChannelInboundHandlerAdapter() {
                                @Override
                                public void channelRead(ChannelHandlerContext ctx, Object read) {
                                    nowMs[0] += 5;
                                    surface.answer(ctx, (FullHttpRequest) read);
                                }
                            });
            channel.writeInbound(request(HttpMethod.GET, "/health?x=1"));
            channel.writeInbound(request(HttpMethod.PUT, "/v1/completions"));
            boolean unused = channel.finishAndReleaseAll();
        }
        assertThat(events.stream().map(AccessLineTest::line))
                .containsExactly(
                        "embedded \"GET /health?x=1 HTTP/1.1\" 200 0",
                        "embedded \"PUT /v1/completions HTTP/1.1\" 405 0");
    }

    private static String line(SubstituteLoggingEvent event) {
        return MessageFormatter.basicArrayFormat(event.getMessage(), event.getArgumentArray());
    }

    private static FullHttpRequest request(HttpMethod method, String uri) {
        return new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, method, uri, Unpooled.EMPTY_BUFFER);
    }
}
