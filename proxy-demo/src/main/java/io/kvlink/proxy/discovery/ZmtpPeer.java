// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.discovery;

import io.kvlink.proxy.fleet.HeartbeatCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * ZMTP 3 connection of one instance, seen from the ROUTER that only listens. Gives out messages of
 * one frame. Lives on the discovery's event loop.
 *
 * <p>After both greetings and a READY command of each side come frames:
 *
 * <pre>
 * +--------+--------------------+---------+
 * | flags  | length: 1 byte, or | payload |
 * |        | 8, big-endian      |         |
 * +--------+--------------------+---------+
 * flags: 1 more parts follow, 2 length has 8 bytes, 4 command
 * </pre>
 *
 * At most one frame of {@value HeartbeatCodec#MAX_BYTES} bytes is held. A message that is longer,
 * or comes in parts, is skipped as it arrives. Beyond {@value #MAX_MESSAGE_BYTES} bytes or {@value
 * #MAX_PARTS} parts of one message the connection ends.
 */
// A write that fails ends its channel, which is what the handlers hear of.
@SuppressWarnings("FutureReturnValueIgnored")
final class ZmtpPeer extends ByteToMessageDecoder {

    static final int MAX_MESSAGE_BYTES = 64 * 1024;
    static final int MAX_PARTS = 16;
    static final int HANDSHAKE_MS = 5_000;

    private static final int GREETING_BYTES = 64;
    private static final int SIGNATURE_END = 9;
    private static final int VERSION = 10;
    private static final int MECHANISM = 12;
    private static final int MECHANISM_BYTES = 20;
    private static final int MORE = 1;
    private static final int LARGE = 2;
    private static final int COMMAND = 4;
    private static final int PONG_CONTEXT_BYTES = 16;

    /** Hears of what arrives, on the event loop. */
    interface Listener {
        /** A message of one frame. */
        void onMessage(ChannelHandlerContext from, byte[] message);

        /** Bytes that are no message; the kind is one of a few words. */
        void onRefused(String kind, String detail);
    }

    private enum Step {
        GREETING,
        FRAME,
        PAYLOAD,
        SKIP,
        CLOSED
    }

    private final Listener listener;

    private Step step = Step.GREETING;
    private boolean greeted;
    private boolean ready;
    private @Nullable Future<?> handshake;
    // The frame being read: its flags, and how much of it is still to come.
    private int flags;
    private long left;
    // The message being read, over all its parts.
    private long messageBytes;
    private int parts;

    ZmtpPeer(Listener listener) {
        this.listener = listener;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        handshake = ctx.executor().schedule(() -> ctx.close(), HANDSHAKE_MS, TimeUnit.MILLISECONDS);
        ctx.fireChannelActive();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) throws Exception {
        stopHandshake();
        super.channelInactive(ctx);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof IdleStateEvent) {
            ctx.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof IOException) {
            // The peer is gone, which is no fault of its bytes.
            step = Step.CLOSED;
            ctx.close();
        } else {
            refuse(ctx, "defect", String.valueOf(cause));
        }
    }

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        boolean more = true;
        while (more) {
            more =
                    switch (step) {
                        case GREETING -> onGreeting(ctx, in);
                        case FRAME -> onFrame(ctx, in);
                        case PAYLOAD -> onPayload(ctx, in);
                        case SKIP -> onSkip(in);
                        case CLOSED -> false;
                    };
        }
        if (step == Step.CLOSED) {
            in.skipBytes(in.readableBytes());
        }
    }

    // ---- the handshake ----

    private static ByteBuf greeting() {
        ByteBuf greeting = Unpooled.buffer(GREETING_BYTES, GREETING_BYTES);
        greeting.writeByte(0xff).writeZero(8).writeByte(0x7f);
        greeting.writeByte(3).writeByte(0);
        greeting.writeBytes("NULL".getBytes(StandardCharsets.US_ASCII));
        return greeting.writeZero(greeting.writableBytes());
    }

    private boolean onGreeting(ChannelHandlerContext ctx, ByteBuf in) {
        int start = in.readerIndex();
        int there = in.readableBytes();
        // Judged as it comes: who speaks something else need not wait for 64 bytes.
        boolean begun = there > 0;
        boolean signed = there > SIGNATURE_END;
        boolean versioned = there > VERSION;
        if ((begun && in.getUnsignedByte(start) != 0xff)
                || (signed && (in.getByte(start + SIGNATURE_END) & 1) == 0)
                || (versioned && in.getUnsignedByte(start + VERSION) < 3)) {
            return refuse(ctx, "greeting", "the peer doesn't speak ZMTP 3");
        }
        if (signed && !greeted) {
            // Not before: JeroMQ 0.6.0, whose fresh connections sometimes never read, would take
            // an early greeting for the end of its handshake, and not try again.
            greeted = true;
            ctx.writeAndFlush(greeting());
        }
        if (there < GREETING_BYTES) {
            return false;
        }
        String mechanism =
                in.toString(start + MECHANISM, MECHANISM_BYTES, StandardCharsets.ISO_8859_1);
        if (!mechanism.equals("NULL" + "\0".repeat(MECHANISM_BYTES - 4))) {
            return refuse(ctx, "mechanism", "expected a peer without ZMTP security");
        }
        in.skipBytes(GREETING_BYTES);
        ByteBuf command = command("READY");
        property(command, "Socket-Type", "ROUTER");
        send(ctx, command);
        step = Step.FRAME;
        return true;
    }

    private boolean onReady(ChannelHandlerContext ctx, byte[] command) {
        String text = new String(command, StandardCharsets.ISO_8859_1);
        boolean router =
                text.contains("\13Socket-Type\0\0\0\6DEALER")
                        || text.contains("\13Socket-Type\0\0\0\6ROUTER")
                        || text.contains("\13Socket-Type\0\0\0\3REQ");
        if (!text.startsWith("\5READY") || !router) {
            return refuse(ctx, "not_ready", "expected READY of a DEALER");
        }
        ready = true;
        stopHandshake();
        return true;
    }

    private void stopHandshake() {
        if (handshake != null) {
            handshake.cancel(false);
        }
    }

    // ---- frames ----

    private boolean onFrame(ChannelHandlerContext ctx, ByteBuf in) {
        int start = in.readerIndex();
        if (in.readableBytes() < 2) {
            return false;
        }
        flags = in.getUnsignedByte(start);
        boolean large = (flags & LARGE) != 0;
        if (large && in.readableBytes() < 9) {
            return false;
        }
        left = large ? in.getLong(start + 1) : in.getUnsignedByte(start + 1);
        in.skipBytes(large ? 9 : 2);
        boolean command = (flags & COMMAND) != 0;
        boolean early = !command && !ready;
        boolean partOfCommand = command && (flags & MORE) != 0;
        if (flags > (MORE | LARGE | COMMAND) || early || partOfCommand) {
            return refuse(ctx, "malformed_frame", "flags=" + flags + " ready=" + ready);
        }
        messageBytes = parts == 0 ? 0 : messageBytes;
        if (left < 0 || left > MAX_MESSAGE_BYTES - messageBytes) {
            return refuse(ctx, "too_long", "bytes=" + Long.toUnsignedString(left));
        }
        if (command) {
            step = left > HeartbeatCodec.MAX_BYTES ? Step.SKIP : Step.PAYLOAD;
            return true;
        }
        return onPart(ctx);
    }

    private boolean onPart(ChannelHandlerContext ctx) {
        boolean more = (flags & MORE) != 0;
        parts++;
        messageBytes += left;
        if (parts > MAX_PARTS) {
            return refuse(ctx, "too_many_parts", "parts=" + parts);
        }
        boolean single = parts == 1 && !more;
        step = single && left <= HeartbeatCodec.MAX_BYTES ? Step.PAYLOAD : Step.SKIP;
        if (single && step == Step.SKIP) {
            listener.onRefused(
                    "too_long", "bytes=" + left + "; expected at most " + HeartbeatCodec.MAX_BYTES);
        } else if (!single && !more) {
            listener.onRefused("wrong_frames", "frames=" + parts + "; expected one");
        }
        if (!more) {
            parts = 0;
        }
        return true;
    }

    private boolean onSkip(ByteBuf in) {
        int now = (int) Math.min(left, in.readableBytes());
        in.skipBytes(now);
        left -= now;
        if (left > 0) {
            return false;
        }
        step = Step.FRAME;
        return true;
    }

    private boolean onPayload(ChannelHandlerContext ctx, ByteBuf in) {
        if (in.readableBytes() < left) {
            return false;
        }
        byte[] payload = new byte[(int) left];
        in.readBytes(payload);
        step = Step.FRAME;
        if ((flags & COMMAND) == 0) {
            listener.onMessage(ctx, payload);
            return true;
        }
        return ready ? onCommand(ctx, payload) : onReady(ctx, payload);
    }

    // ---- commands ----

    /** Answers PING, whose payload is a time to live of 2 bytes and a context; skips others. */
    private boolean onCommand(ChannelHandlerContext ctx, byte[] command) {
        String name = new String(command, StandardCharsets.ISO_8859_1);
        int context = "\4PING".length() + 2;
        if (name.startsWith("\4PING") && command.length >= context) {
            if (!ctx.channel().isWritable()) {
                return refuse(ctx, "unread_answers", "the peer asks and doesn't read");
            }
            int bytes = Math.min(PONG_CONTEXT_BYTES, command.length - context);
            send(ctx, command("PONG").writeBytes(command, context, bytes));
        }
        return true;
    }

    private static ByteBuf command(String name) {
        return Unpooled.buffer()
                .writeByte(name.length())
                .writeBytes(name.getBytes(StandardCharsets.US_ASCII));
    }

    private static void property(ByteBuf command, String name, String value) {
        command.writeByte(name.length()).writeBytes(name.getBytes(StandardCharsets.US_ASCII));
        command.writeInt(value.length()).writeBytes(value.getBytes(StandardCharsets.US_ASCII));
    }

    private static void send(ChannelHandlerContext ctx, ByteBuf command) {
        ByteBuf head = Unpooled.buffer(2).writeByte(COMMAND).writeByte(command.readableBytes());
        ctx.write(head);
        ctx.write(command);
    }

    // Once for all that was read: a peer that asks a thousand times costs one write.
    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
        ctx.flush();
        super.channelReadComplete(ctx);
    }

    private boolean refuse(ChannelHandlerContext ctx, String kind, String detail) {
        step = Step.CLOSED;
        listener.onRefused(kind, detail);
        ctx.close();
        return false;
    }
}
