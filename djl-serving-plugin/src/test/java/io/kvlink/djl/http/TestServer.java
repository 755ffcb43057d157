// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.http.CorsSettings;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.slf4j.helpers.NOPLogger;

/**
 * The surface behind a pipeline like DJL Serving's, and a client for it. As an extension of a test
 * it ends with each test.
 */
final class TestServer implements AfterEachCallback, AutoCloseable {

    static final Duration LIMIT = Duration.ofSeconds(60);

    private final NioEventLoopGroup loops =
            new NioEventLoopGroup(1, new DefaultThreadFactory("test-http", true));
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(LIMIT).build();
    private final OpenAiSurface surface;
    private final Channel listener;

    TestServer(TextGenerator... models) {
        this(CorsSettings.NONE, models);
    }

    TestServer(CorsSettings cors, TextGenerator... models) {
        surface =
                new OpenAiSurface(
                        () -> List.of(models),
                        InstantSource.fixed(Instant.ofEpochSecond(1234)),
                        cors,
                        NOPLogger.NOP_LOGGER);
        listener =
                new ServerBootstrap()
                        .group(loops)
                        .channel(NioServerSocketChannel.class)
                        // As DJL Serving has it.
                        .childOption(ChannelOption.SO_LINGER, 0)
                        .childHandler(
                                new ChannelInitializer<>() {
                                    @Override
                                    protected void initChannel(Channel channel) {
                                        channel.pipeline()
                                                .addLast(new HttpServerCodec())
                                                .addLast(new HttpObjectAggregator(1 << 20, true))
                                                .addLast(new Handler());
                                    }
                                })
                        .bind("127.0.0.1", 0)
                        .syncUninterruptibly()
                        .channel();
    }

    private final class Handler extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
            surface.answer(ctx, request);
        }
    }

    int port() {
        return ((InetSocketAddress) listener.localAddress()).getPort();
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + path))
                .version(HttpClient.Version.HTTP_1_1)
                .timeout(LIMIT);
    }

    HttpResponse<String> get(String path) throws Exception {
        return client.send(request(path).build(), HttpResponse.BodyHandlers.ofString());
    }

    CompletableFuture<HttpResponse<String>> complete(String body, String... headers) {
        HttpRequest.Builder request =
                request("/v1/completions").POST(HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return send(request);
    }

    CompletableFuture<HttpResponse<String>> send(HttpRequest.Builder request) {
        return client.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    static <T> T await(CompletableFuture<T> future) throws Exception {
        return future.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }

    static JsonObject json(HttpResponse<String> response) {
        return JsonParser.parseString(response.body()).getAsJsonObject();
    }

    /** A connection whose bytes the test writes and reads itself. */
    Socket connect() throws Exception {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port());
        socket.setSoTimeout((int) LIMIT.toMillis());
        return socket;
    }

    static String post(String body) {
        return post("/v1/completions", body);
    }

    static String post(String path, String body) {
        return "POST %s HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s"
                .formatted(path, body.length(), body);
    }

    @Override
    public void afterEach(ExtensionContext test) {
        close();
    }

    @Override
    public void close() {
        surface.close();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS)
                .awaitUninterruptibly(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }
}
