// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.upstream;

import io.kvlink.proxy.fleet.Instance;
import io.kvlink.spi.HostPort;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One request to one instance, on a connection of its own. A model's answer takes so much longer
 * than a connect that keeping connections would only add the failures of stale ones.
 *
 * <p>Everything happens on the event loop of the client's connection, so an exchange needs no lock.
 * The listener is called at most once with an end or a failure, never from within {@link #start},
 * and never after {@link #cancel}.
 */
// A write that fails ends its channel, which is what the handlers hear of.
@SuppressWarnings("FutureReturnValueIgnored")
public final class UpstreamCall extends SimpleChannelInboundHandler<HttpObject> {

    /** Ways in which a call fails. */
    public enum Failure {
        /** No connection: the instance has seen nothing. */
        CONNECT("connect"),
        /** The connection ended before the answer did. */
        LOST("lost"),
        /** The instance was taken out, or another process has its address. */
        GONE("gone");

        private final String word;

        Failure(String word) {
            this.word = word;
        }

        public String word() {
            return word;
        }
    }

    /** Hears of the answer, on the event loop. */
    public interface Listener {
        /** The status line and the headers. */
        void onHead(UpstreamCall call, HttpResponse head);

        /** A piece of the body, lent until this returns. */
        void onBody(UpstreamCall call, ByteBuf piece);

        /** The answer is complete. */
        void onEnd(UpstreamCall call);

        /** Tells that there is no answer, or not all of it. */
        void onFailure(UpstreamCall call, Failure failure, String detail);
    }

    private enum State {
        NEW,
        CONNECTING,
        WAITING,
        READING,
        OVER
    }

    private final Instance instance;
    private final FullHttpRequest request;
    private final EventLoop loop;
    private final Listener listener;

    private State state = State.NEW;
    private boolean sent;
    private boolean interim;
    private @Nullable Channel channel;
    private @Nullable Future<?> connectDeadline;
    private @Nullable LiveCalls calls;

    public UpstreamCall(
            Instance instance,
            ClientRequest request,
            String requestId,
            EventLoop loop,
            Listener listener) {
        this.instance = instance;
        this.loop = loop;
        this.listener = listener;
        this.request =
                new DefaultFullHttpRequest(
                        HttpVersion.HTTP_1_1,
                        request.method(),
                        request.uri(),
                        Unpooled.wrappedBuffer(request.body().bytes()));
        this.request
                .headers()
                .add(request.headers())
                .set(HttpHeaderNames.HOST, instance.http().toString())
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE)
                .set(HttpHeaderNames.CONTENT_LENGTH, request.body().bytes().length)
                .set("X-Request-Id", requestId);
    }

    public Instance instance() {
        return instance;
    }

    /** True if the instance has seen nothing of the request. */
    public boolean untouched() {
        return !sent;
    }

    /** Connects and sends the request. Ends with its instance, see {@link LiveCalls}. */
    public void start(NameLookup names, LiveCalls live, int connectTimeoutMs) {
        state = State.CONNECTING;
        HostPort address = instance.http();
        connectDeadline =
                loop.schedule(
                        () -> onConnectDeadline(connectTimeoutMs),
                        connectTimeoutMs,
                        TimeUnit.MILLISECONDS);
        calls = live;
        live.add(this);
        names.resolve(address)
                .whenCompleteAsync(
                        (resolved, cause) -> {
                            if (resolved == null) {
                                fail(Failure.CONNECT, address + " isn't known: " + cause);
                            } else if (state == State.CONNECTING) {
                                connect(resolved, connectTimeoutMs);
                            }
                        },
                        loop);
    }

    /** Fails a call whose name lookup and connection together took too long. */
    private void onConnectDeadline(int timeoutMs) {
        if (state == State.CONNECTING) {
            fail(Failure.CONNECT, "no connection within " + timeoutMs + " ms");
        }
    }

    /** The instance is no more; called from any thread. */
    void onInstanceGone(String why) {
        loop.execute(() -> fail(Failure.GONE, why));
    }

    private void connect(InetSocketAddress address, int timeoutMs) {
        ChannelFuture connecting =
                new Bootstrap()
                        .group(loop)
                        .channel(NioSocketChannel.class)
                        .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, timeoutMs)
                        .handler(
                                new ChannelInitializer<SocketChannel>() {
                                    @Override
                                    protected void initChannel(SocketChannel ch) {
                                        ch.pipeline().addLast(new HttpClientCodec());
                                        ch.pipeline().addLast(UpstreamCall.this);
                                    }
                                })
                        .connect(address);
        channel = connecting.channel();
        connecting.addListener(
                done -> {
                    if (!done.isSuccess()) {
                        fail(Failure.CONNECT, String.valueOf(done.cause()));
                    } else if (state == State.CONNECTING) {
                        state = State.WAITING;
                        sent = true;
                        // If this fails the connection ends, and that is reported.
                        connecting.channel().writeAndFlush(request.retain());
                    }
                });
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, HttpObject message) {
        if (state == State.OVER) {
            return;
        }
        if (message.decoderResult().isFailure()) {
            fail(Failure.LOST, "malformed answer: " + message.decoderResult().cause());
            return;
        }
        if (message instanceof HttpResponse head) {
            interim = head.status().codeClass() == HttpStatusClass.INFORMATIONAL;
            if (!interim) {
                state = State.READING;
                listener.onHead(this, head);
            }
        }
        if (message instanceof HttpContent content && !interim) {
            onContent(content);
        }
    }

    private void onContent(HttpContent content) {
        // The listener may have cancelled at the head.
        if (state == State.READING && content.content().isReadable()) {
            listener.onBody(this, content.content());
        }
        if (state == State.READING && content instanceof LastHttpContent) {
            end();
            listener.onEnd(this);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        fail(Failure.LOST, "the connection ended before the answer did");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        fail(Failure.LOST, String.valueOf(cause));
    }

    /** Stops reading, so that the instance is held back; or reads on. */
    public void pause(boolean paused) {
        if (channel != null) {
            channel.config().setAutoRead(!paused);
        }
    }

    /** Ends the call; the instance sees its connection close. Idempotent. */
    public void cancel() {
        if (state != State.OVER) {
            end();
        }
    }

    private void fail(Failure failure, String detail) {
        if (state != State.OVER) {
            end();
            listener.onFailure(this, failure, detail);
        }
    }

    private void end() {
        state = State.OVER;
        if (calls != null) {
            calls.remove(this);
        }
        if (connectDeadline != null) {
            connectDeadline.cancel(false);
        }
        request.release();
        if (channel != null) {
            channel.close();
        }
    }
}
