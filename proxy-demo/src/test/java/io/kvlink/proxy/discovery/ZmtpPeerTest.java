// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.discovery;

import static io.kvlink.proxy.discovery.ZmtpBytes.COMMAND;
import static io.kvlink.proxy.discovery.ZmtpBytes.MORE;
import static io.kvlink.proxy.discovery.ZmtpBytes.frame;
import static io.kvlink.proxy.discovery.ZmtpBytes.greeting;
import static io.kvlink.proxy.discovery.ZmtpBytes.handshake;
import static io.kvlink.proxy.discovery.ZmtpBytes.join;
import static io.kvlink.proxy.discovery.ZmtpBytes.largeFrame;
import static io.kvlink.proxy.discovery.ZmtpBytes.largeHeader;
import static io.kvlink.proxy.discovery.ZmtpBytes.ready;
import static io.kvlink.proxy.discovery.ZmtpBytes.text;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.proxy.fleet.HeartbeatCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ZmtpPeerTest {

    private static final byte[] BEAT = text("beat");

    private final List<byte[]> messages = new ArrayList<>();
    private final List<String> refused = new ArrayList<>();
    private final EmbeddedChannel channel = peer();

    private EmbeddedChannel peer() {
        return new EmbeddedChannel(
                new ZmtpPeer(
                        new ZmtpPeer.Listener() {
                            @Override
                            public void onMessage(ChannelHandlerContext from, byte[] message) {
                                messages.add(message);
                            }

                            @Override
                            public void onRefused(String kind, String detail) {
                                refused.add(kind);
                            }
                        }));
    }

    @Test
    void shouldTakeMessagesHoweverTheirLengthIsWritten() {
        byte[] longest = new byte[HeartbeatCodec.MAX_BYTES];
        send(handshake(), frame(0, BEAT), largeFrame(0, BEAT), largeFrame(0, longest));
        send(frame(0, new byte[0]));
        assertThat(messages).containsExactly(BEAT, BEAT, longest, new byte[0]);
        assertThat(refused).isEmpty();
    }

    @Test
    void shouldTakeMessagesThatArriveByteByByte() {
        for (byte b : join(handshake(), frame(0, BEAT), largeFrame(0, BEAT))) {
            send(new byte[] {b});
        }
        assertThat(messages).containsExactly(BEAT, BEAT);
    }

    @ParameterizedTest
    @ValueSource(
            longs = {
                Integer.MAX_VALUE,
                Integer.MAX_VALUE + 1L,
                0xffff_ffffL,
                0x1_0000_0000L,
                ZmtpPeer.MAX_MESSAGE_BYTES + 1,
                Long.MAX_VALUE,
                Long.MIN_VALUE,
                Long.MIN_VALUE + 4,
                // Its lower half is an int's largest value.
                Long.MIN_VALUE + Integer.MAX_VALUE,
                -1,
                -Integer.MAX_VALUE
            })
    void shouldEndAConnectionWhoseFrameIsTooLong(long length) {
        for (int flags : new int[] {0, MORE, COMMAND}) {
            EmbeddedChannel other = peer();
            other.writeInbound(Unpooled.wrappedBuffer(handshake(), largeHeader(flags, length)));
            assertThat(other.isOpen()).isFalse();
        }
        assertThat(refused).containsExactly("too_long", "too_long", "too_long");
    }

    @Test
    void shouldEndAConnectionBeforeItsHandshakeToo() {
        send(greeting(3, "NULL"), largeHeader(0, Integer.MAX_VALUE));
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void shouldSkipWhatIsTooLongForAHeartbeat() {
        send(handshake());
        for (int bytes : new int[] {HeartbeatCodec.MAX_BYTES + 1, ZmtpPeer.MAX_MESSAGE_BYTES}) {
            send(largeHeader(0, bytes));
            for (int sent = 0; sent < bytes; sent += 100) {
                send(new byte[Math.min(100, bytes - sent)]);
            }
        }
        send(frame(0, BEAT));
        assertThat(messages).containsExactly(BEAT);
        assertThat(refused).containsExactly("too_long", "too_long");
    }

    @Test
    void shouldSkipAMessageOfSeveralParts() {
        send(handshake(), frame(MORE, text("one")), frame(MORE, text("two")), frame(0, text("3")));
        send(frame(0, BEAT));
        assertThat(messages).containsExactly(BEAT);
        assertThat(refused).containsExactly("wrong_frames");
    }

    @Test
    void shouldEndAnEndlessMessageOfManyParts() {
        send(handshake());
        int parts = 0;
        while (channel.isOpen()) {
            send(frame(MORE, parts % 2 == 0 ? new byte[0] : BEAT));
            parts++;
        }
        assertThat(parts).isEqualTo(ZmtpPeer.MAX_PARTS + 1);
        assertThat(refused).containsExactly("too_many_parts");
        assertThat(messages).isEmpty();
    }

    @Test
    void shouldEndAnEndlessMessageOfLargeParts() {
        send(handshake());
        int parts = 0;
        while (channel.isOpen()) {
            send(largeFrame(MORE, new byte[20_000]));
            parts++;
        }
        assertThat(parts).isEqualTo(4);
        assertThat(refused).containsExactly("too_long");
    }

    private static Stream<byte[]> greetings() {
        return Stream.of(
                text("GET / HTTP/1.1\r\n"),
                new byte[] {0},
                // The length of an identity in ZMTP 1, and ZMTP 2's version.
                new byte[] {1, 0},
                greeting(1, "NULL"),
                greeting(0, "NULL"),
                greeting(3, "PLAIN"),
                greeting(3, "CURVE"),
                greeting(3, "NULLL"),
                new byte[64],
                join(new byte[] {(byte) 0xff}, new byte[63]),
                join(greeting(3, "NULL"), frame(0, BEAT)),
                join(greeting(3, "NULL"), ready("PUB")),
                join(greeting(3, "NULL"), frame(COMMAND, text("\5ERROR\0"))),
                join(greeting(3, "NULL"), frame(COMMAND, new byte[0])),
                join(greeting(3, "NULL"), frame(COMMAND | MORE, text("\5READY"))),
                join(handshake(), new byte[] {8, 0}),
                join(handshake(), new byte[] {(byte) 0x80, 0}));
    }

    @ParameterizedTest
    @MethodSource("greetings")
    void shouldEndAConnectionThatSpeaksSomethingElse(byte[] bytes) {
        send(bytes);
        assertThat(channel.isOpen()).isFalse();
        assertThat(refused).hasSize(1);
        assertThat(messages).isEmpty();
    }

    @Test
    void shouldEndAConnectionThatNeverFinishesItsHandshake() {
        send(text("\377\0\0"));
        channel.runScheduledPendingTasks();
        assertThat(channel.isOpen()).isTrue();
        channel.advanceTimeBy(ZmtpPeer.HANDSHAKE_MS, TimeUnit.MILLISECONDS);
        channel.runScheduledPendingTasks();
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void shouldKeepAConnectionThatHasFinishedItsHandshake() {
        send(handshake());
        channel.advanceTimeBy(ZmtpPeer.HANDSHAKE_MS, TimeUnit.MILLISECONDS);
        channel.runScheduledPendingTasks();
        assertThat(channel.isOpen()).isTrue();
    }

    @Test
    void shouldGreetIntroduceItselfAndAnswerPing() {
        assertThat(sent()).isEmpty();
        byte[] greeting = greeting(3, "NULL");
        send(Arrays.copyOf(greeting, 10));
        assertThat(sent()).isEqualTo(greeting);
        send(Arrays.copyOfRange(greeting, 10, 64), ready("DEALER"));
        assertThat(sent()).isEqualTo(ready("ROUTER"));
        send(frame(COMMAND, text("\4PING\0\1abc")), frame(COMMAND, text("\4PING")));
        assertThat(sent()).isEqualTo(frame(COMMAND, text("\4PONGabc")));
        send(frame(COMMAND, text("\4PING\0\1" + "x".repeat(200))));
        assertThat(sent()).isEqualTo(frame(COMMAND, text("\4PONG" + "x".repeat(16))));
        send(frame(COMMAND, text("\7UNKNOWN")), frame(0, BEAT));
        assertThat(messages).containsExactly(BEAT);
    }

    @Property
    void noBytesMakeItThrowOrHoldMore(
            @ForAll byte[] bytes, @ForAll @IntRange(max = 2) int progress) {
        EmbeddedChannel other = peer();
        if (progress > 0) {
            other.writeInbound(Unpooled.wrappedBuffer(greeting(3, "NULL")));
        }
        if (progress > 1) {
            other.writeInbound(Unpooled.wrappedBuffer(ready("DEALER")));
        }
        if (other.isOpen()) {
            other.writeInbound(Unpooled.wrappedBuffer(bytes));
        }
        other.checkException();
        other.finishAndReleaseAll();
        assertThat(refused).doesNotContain("defect");
    }

    private void send(byte[]... bytes) {
        channel.writeInbound(Unpooled.wrappedBuffer(join(bytes)));
    }

    private byte[] sent() {
        ByteBuf all = Unpooled.buffer();
        for (ByteBuf each = channel.readOutbound(); each != null; each = channel.readOutbound()) {
            all.writeBytes(each);
        }
        return ByteBufUtil.getBytes(all);
    }
}
