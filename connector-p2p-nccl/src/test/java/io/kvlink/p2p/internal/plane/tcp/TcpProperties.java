// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.plane.Bytes;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.plane.Journal;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.socket.SecretAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Promises of TCP planes and their endpoints that hold for any bytes and any text. */
class TcpProperties {

    private static final int ROUNDS = 200_000;

    @Property(tries = 200)
    void noBytesDisturbATransferUnderWay(
            @ForAll @Size(max = 200) byte[] bytes,
            @ForAll boolean preamble,
            @ForAll boolean header,
            @ForAll @IntRange(max = 2) int piece,
            @ForAll @IntRange(max = 3) long ticket,
            @ForAll long length) {
        TcpPlaneConfig config = TcpPlaneConfig.usual("127.0.0.1", 0, "");
        try (TcpPlane p = TcpPlane.open(config);
                TcpPlane d = TcpPlane.open(config);
                RawSender raw = RawSender.connect(d)) {
            Random random = new Random(length);
            Journal journal = new Journal();
            Bytes source = Bytes.random(300_000, true, random);
            Bytes[] destinations = {Bytes.poisoned(300_000, true), Bytes.poisoned(300_000, true)};
            d.receive(
                    new ReceiveOp(
                            p.endpoint(),
                            1,
                            0,
                            List.of(destinations[0].region(), destinations[1].region()),
                            journal));
            send(p, d, 0, source, journal);
            while (!journal.has("sent ticket=1 piece=0")) {
                p.poll(0);
                d.poll(0);
            }
            if (preamble) {
                raw.preamble();
            }
            if (header) {
                raw.header(piece, ticket, length);
            }
            raw.write(ByteBuffer.wrap(bytes));
            send(p, d, 1, source, journal);

            for (int i = 0; i < ROUNDS && !journal.has("received ticket=1 piece=1"); i++) {
                p.poll(0);
                d.poll(0);
            }

            assertThat(destinations[0].holds(source)).isTrue();
            assertThat(destinations[1].holds(source)).isTrue();
        }
    }

    private static void send(TcpPlane p, TcpPlane d, int piece, Bytes source, Journal journal) {
        p.send(
                new SendOp(
                        d.endpoint(),
                        1,
                        piece,
                        source.regions(3, new Random(piece)),
                        source.region().bytes(),
                        journal));
    }

    @Property(tries = 300)
    void everyFrameArrivesHoweverManyAndHoweverCut(
            @ForAll @Size(min = 1, max = 30) List<@IntRange(max = 3000) Integer> sizes,
            @ForAll Random random) {
        try (TcpPlane d = TcpPlane.open(TcpPlaneConfig.usual("127.0.0.1", 0, ""));
                RawSender raw = RawSender.connect(d).preamble()) {
            Journal journal = new Journal();
            List<Bytes> sources = new ArrayList<>();
            List<Bytes> destinations = new ArrayList<>();
            ByteBuffer stream = ByteBuffer.allocate(30 * (3000 + TcpWire.HEADER_BYTES));
            for (int size : sizes) {
                Bytes source = Bytes.random(size, true, random);
                stream.put(RawSender.frame(sources.size(), 1, source));
                sources.add(source);
                destinations.add(Bytes.poisoned(size, random.nextBoolean()));
            }
            stream.flip();
            d.receive(RawSender.receiveOp(1, 0, journal, destinations.toArray(new Bytes[0])));
            while (stream.hasRemaining()) {
                int size = Math.min(stream.remaining(), 1 + random.nextInt(5000));
                raw.write(stream.slice(stream.position(), size));
                stream.position(stream.position() + size);
                d.poll(0);
            }
            for (int i = 0; i < ROUNDS && journal.events().size() < sizes.size(); i++) {
                d.poll(0);
            }
            for (int i = 0; i < sizes.size(); i++) {
                assertThat(journal.events().get(i)).isEqualTo("received ticket=1 piece=" + i);
                assertThat(destinations.get(i).holds(sources.get(i))).isTrue();
            }
        }
    }

    @Property
    void noTextMakesParseThrow(@ForAll String text) {
        assertThat(SecretAddress.parse(text)).isEmpty();
        assertThat(SecretAddress.parse("127.0.0.1:1/" + text)).isEmpty();
        assertThat(SecretAddress.parse(text + "/0123456789abcdef0123456789abcdef")).isEmpty();
    }

    @Property
    void anEndpointIsWhatItsTextSays(
            @ForAll @IntRange(max = 255) int a,
            @ForAll @IntRange(max = 255) int b,
            @ForAll @IntRange(min = 1, max = 65535) int port) {
        String text = "%d.%d.0.1:%d/%s".formatted(a, b, port, Token.random().hex());
        assertThat(SecretAddress.parse(text).orElseThrow().text()).isEqualTo(text);
        String version6 =
                "[fe80:0:0:0:0:0:%x:%x]:%d/%s".formatted(a, b, port, Token.random().hex());
        assertThat(SecretAddress.parse(version6).orElseThrow().text()).isEqualTo(version6);
        String name = "host%d.example:%d/%s".formatted(a, port, Token.random().hex());
        assertThat(SecretAddress.parse(name)).isEmpty();
    }
}
