// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests that come through a port, and those that don't, seen from a client. */
class HttpPortTest {

    private static final int LIMIT = 100_000;

    private HttpPort port;

    @BeforeEach
    void open() throws IOException {
        port = bind(0);
        port.accept();
    }

    private static HttpPort bind(int number) throws IOException {
        return HttpPort.bind(
                new HttpPort.Options(
                        "127.0.0.1",
                        number,
                        "test-port",
                        1,
                        CorsSettings.of("*", "", ""),
                        BodyLimit.of("limit", LIMIT)),
                Door::new);
    }

    @AfterEach
    void close() {
        port.close();
    }

    /** Says what came. */
    private static final class Door extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
            Optional<HttpFault> fault = HttpFault.of(request);
            String text =
                    fault.map(f -> f.code() + ": " + f.message())
                            .orElse(request.uri() + " " + request.content().readableBytes());
            ByteBuf body = Unpooled.copiedBuffer(text, ISO_8859_1);
            FullHttpResponse answer =
                    new DefaultFullHttpResponse(
                            HttpVersion.HTTP_1_1,
                            fault.map(HttpFault::status).orElse(HttpResponseStatus.OK),
                            body);
            HttpUtil.setContentLength(answer, body.readableBytes());
            if (request.uri().equals("/later")) {
                // Behind whatever is read meanwhile.
                ctx.executor().execute(() -> ctx.executor().execute(() -> send(ctx, answer, true)));
                return;
            }
            boolean stays = fault.isEmpty() && HttpUtil.isKeepAlive(request);
            send(ctx, answer, stays);
        }

        private static void send(
                ChannelHandlerContext ctx, FullHttpResponse answer, boolean stays) {
            HttpUtil.setKeepAlive(answer, stays);
            ctx.writeAndFlush(answer)
                    .addListener(
                            stays
                                    ? ChannelFutureListener.CLOSE_ON_FAILURE
                                    : ChannelFutureListener.CLOSE);
        }
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port.port());
        socket.setSoTimeout(20_000);
        return socket;
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(ISO_8859_1));
    }

    /** Answers on a connection until it ends. */
    private String all(String request) throws IOException {
        try (Socket socket = connect()) {
            write(socket, request);
            return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
        }
    }

    private static String readUntil(Socket socket, String text) throws IOException {
        StringBuilder read = new StringBuilder();
        while (read.indexOf(text) < 0) {
            int b = socket.getInputStream().read();
            if (b < 0) {
                throw new AssertionError("ended after: " + read);
            }
            read.append((char) b);
        }
        return read.toString();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    GET /LONG HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n            | 414 | uri_too_long
                    GET / HTTP/1.1\\r\\nCookie: LONGLONGLONGLONG\\r\\n\\r\\n | 431 | headers_too_large
                    hello there\\r\\n\\r\\n                               | 400 | malformed_request
                    GET / HTTP/1.1\\r\\nno colon\\r\\n\\r\\n              | 400 | malformed_request
                    GET / HTTP/1.1\\r\\nA\\u0000: b\\r\\n\\r\\n           | 400 | malformed_request
                    POST / HTTP/1.1\\r\\nContent-Length: x\\r\\n\\r\\n    | 400 | malformed_request
                    POST / HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nxyz\\r\\n | 400 | malformed_request
                    POST / HTTP/1.1\\r\\nContent-Length: 100001\\r\\n\\r\\n | 413 | request_too_large: limit=100000
                    POST / HTTP/1.1\\r\\nExpect: wonders\\r\\nContent-Length: 1\\r\\n\\r\\n | 417 | expectation
                    POST / HTTP/1.1\\r\\nTransfer-Encoding: gzip, chunked\\r\\n\\r\\n | 501 | transfer_encoding
                    POST / HTTP/1.1\\r\\nContent-Encoding: gzip\\r\\nContent-Length: 1\\r\\n\\r\\n | 415 | content_encoding
                    BREW / HTTP/1.1\\r\\n\\r\\n                           | 501 | method_not_implemented
                    CONNECT host:443 HTTP/1.1\\r\\n\\r\\n                 | 501 | method_not_implemented
                    PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n              | 505 | http_version
                    """)
    void shouldSayWhatCannotBeReadAndEndTheConnection(String request, int status, String code)
            throws IOException {
        String answer =
                all(
                        request.replace("\\r\\n", "\r\n")
                                .replace("\\u0000", "\0")
                                .replace("LONG", "l".repeat(9_000)));
        assertThat(answer)
                .startsWith("HTTP/1.1 " + status + " ")
                .contains("\r\n\r\n" + code)
                .containsIgnoringCase("connection: close")
                .doesNotContain("netty", "Exception");
        assertThat(answer).containsOnlyOnce("HTTP/1.1 ");
        assertThat(all("GET /next HTTP/1.1\r\nConnection: close\r\n\r\n")).endsWith("/next 0");
    }

    /** The client of Java 17 would wait for ever if the refusal came alone. */
    @Test
    void shouldAskForABodyThatItRefuses() throws IOException {
        String request = "POST / HTTP/1.1\r\nContent-Length: 100001\r\n%s\r\n\r\n";
        assertThat(all(request.formatted("Expect: 100-continue")))
                .startsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 ");
    }

    @ParameterizedTest
    @ValueSource(ints = {5, 100})
    void shouldLetAClientFinishThatIsStillSending(int megabytes) throws IOException {
        String megabyte = "x".repeat(1_000_000);
        try (Socket socket = connect()) {
            write(socket, "POST / HTTP/1.1\r\nContent-Length: " + megabytes + "000000\r\n\r\n");
            for (int i = 0; i < megabytes; i++) {
                write(socket, megabyte);
            }
            assertThat(new String(socket.getInputStream().readAllBytes(), ISO_8859_1))
                    .startsWith("HTTP/1.1 413 ");
        }
    }

    @Test
    void shouldAskForABodyThatIsHeldBack() throws IOException {
        try (Socket socket = connect()) {
            write(socket, "POST /a HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
            assertThat(readUntil(socket, "\r\n\r\n"))
                    .isEqualToIgnoringCase("HTTP/1.1 100 Continue\r\n\r\n");
            write(socket, "ab");
            assertThat(readUntil(socket, "/a 2")).startsWith("HTTP/1.1 200 ");
        }
    }

    @Test
    void shouldSpeakHttp10AndIgnoreWhatItDoesNotKnow() throws IOException {
        assertThat(all("GET /old HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"))
                .startsWith("HTTP/1.1 200 ")
                .endsWith("/old 0");
    }

    @Test
    void shouldIgnoreAnUpgradeToHttp2() throws IOException {
        String request =
                """
                POST //v1/x/ HTTP/1.1
                Connection: Upgrade, HTTP2-Settings, close
                Upgrade: h2c
                HTTP2-Settings: AAEAAEAA
                Content-Length: 1

                x""";
        assertThat(all(request.replace("\n", "\r\n")))
                .startsWith("HTTP/1.1 200 ")
                .endsWith("/v1/x 1");
    }

    @Test
    void shouldTakeAbsoluteTargetsOneAfterTheOther() throws IOException {
        try (Socket socket = connect()) {
            for (int i = 0; i < 3; i++) {
                write(
                        socket,
                        "GET http://any:80/v1/models?i=" + i + " HTTP/1.1\r\nHost: x\r\n\r\n");
                assertThat(readUntil(socket, "/v1/models?i=" + i + " 0"))
                        .startsWith("HTTP/1.1 200 ");
            }
        }
    }

    /** The answer to what can't be read must not stand within the one before. */
    @Test
    void shouldKeepAnswersApart() throws IOException {
        String answers = all("GET /later HTTP/1.1\r\n\r\nBREW / HTTP/1.1\r\n\r\n");
        assertThat(answers).startsWith("HTTP/1.1 200 ");
        assertThat(answers.split("HTTP/1.1 501 ", -1))
                .hasSize(2)
                .satisfies(parts -> assertThat(parts[0]).endsWith("\r\n\r\n/later 0"))
                .satisfies(parts -> assertThat(parts[1]).contains("method_not_implemented"));
    }

    @Test
    void shouldSayWhoMayReadAlsoWhatCannotBeRead() throws IOException {
        String answer = all("BREW / HTTP/1.1\r\nOrigin: https://page\r\nContent-Length: 0\r\n\r\n");
        assertThat(answer).containsIgnoringCase("\r\naccess-control-allow-origin: *\r\n");
    }

    @Test
    void shouldSayThatAPortIsTaken() {
        assertThatThrownBy(() -> bind(port.port()).close()).isInstanceOf(IOException.class);
    }
}
