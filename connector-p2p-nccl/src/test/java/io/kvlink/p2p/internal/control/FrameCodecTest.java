// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.p2p.internal.control.Frame.Accept;
import io.kvlink.p2p.internal.control.Frame.Attachment;
import io.kvlink.p2p.internal.control.Frame.Busy;
import io.kvlink.p2p.internal.control.Frame.Bye;
import io.kvlink.p2p.internal.control.Frame.Cancel;
import io.kvlink.p2p.internal.control.Frame.Done;
import io.kvlink.p2p.internal.control.Frame.Fetch;
import io.kvlink.p2p.internal.control.Frame.Grant;
import io.kvlink.p2p.internal.control.Frame.Hello;
import io.kvlink.p2p.internal.control.Frame.Identity;
import io.kvlink.p2p.internal.control.Frame.Offer;
import io.kvlink.p2p.internal.control.Frame.Ping;
import io.kvlink.p2p.internal.control.Frame.Plane;
import io.kvlink.p2p.internal.control.Frame.Reject;
import io.kvlink.p2p.internal.control.Frame.Saved;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.TransferId;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessageUnpacker;
import org.msgpack.value.Value;

final class FrameCodecTest {

    private static final TransferId ID = new TransferId(1, 2, 3);
    private static final Identity IDENTITY =
            new Identity(
                    "e",
                    4,
                    new HostPort("h", 5),
                    List.of(KvLayerGroup.all(KvLayout.single("m", 1, 1, 1, DType.F16, 16))),
                    7,
                    List.of(new Plane("tcp", "h:6")));

    @Property(tries = 2000)
    void everyFrameComesBackEqual(@ForAll("frames") Frame frame) {
        byte[] bytes = FrameCodec.encode(frame);
        assertThat(bytes.length).isLessThanOrEqualTo(FrameCodec.MAX_FRAME_BYTES);
        assertThat(FrameCodec.decode(bytes)).isEqualTo(frame);
    }

    @Property(tries = 5000)
    void noBytesMakeDecodeThrowAnythingElse(@ForAll @Size(max = 200) byte[] bytes) {
        decodeOrMalformed(bytes);
    }

    // Begins like a frame, so that decoding gets further.
    @Property(tries = 5000)
    void noFieldsMakeDecodeThrowAnythingElse(
            @ForAll @IntRange(max = 15) int fields,
            @ForAll @IntRange(max = 20) int type,
            @ForAll @Size(max = 100) byte[] rest) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(0x90 | fields);
        out.write(type);
        out.writeBytes(rest);
        decodeOrMalformed(out.toByteArray());
    }

    @Property(tries = 1000)
    void noTruncatedFrameIsAFrame(
            @ForAll("frames") Frame frame, @ForAll @IntRange(max = 100_000) int cut) {
        byte[] bytes = FrameCodec.encode(frame);
        assertMalformed(Arrays.copyOf(bytes, cut % bytes.length));
    }

    @Property(tries = 1000)
    void noFrameHasTrailingBytes(@ForAll("frames") Frame frame, @ForAll byte trailing) {
        byte[] bytes = FrameCodec.encode(frame);
        byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
        longer[bytes.length] = trailing;
        assertMalformed(longer);
    }

    @Property(tries = 5000)
    void noMutationMakesDecodeThrowAnythingElse(
            @ForAll("frames") Frame frame,
            @ForAll @Size(min = 1, max = 4) List<@IntRange(max = 100_000) Integer> places,
            @ForAll byte value) {
        byte[] bytes = FrameCodec.encode(frame);
        for (int place : places) {
            bytes[place % bytes.length] = value;
        }
        decodeOrMalformed(bytes);
    }

    @Test
    void shouldTakeNoLengthToWhichTheLastTokenCantBeAdded() {
        assertMalformed(FrameCodec.encode(new Offer(ID, Integer.MAX_VALUE, 2, 0, 1, true)));
        assertMalformed(FrameCodec.encode(new Fetch(ID, Integer.MAX_VALUE, 2, 3, true)));
    }

    @Test
    void shouldKeepTheTypesNumbersForEver() {
        Map<Frame, Integer> numbers = new LinkedHashMap<>();
        numbers.put(new Hello(1, IDENTITY), 1);
        numbers.put(new Accept(IDENTITY, "tcp"), 2);
        numbers.put(new Reject(KvError.INTERNAL, ""), 3);
        numbers.put(new Fetch(ID, 1, 2, 3, false), 4);
        numbers.put(new Offer(ID, 1, 2, 0, 1, false), 5);
        numbers.put(new Grant(ID, 1, 0, 1, false), 6);
        numbers.put(new Busy(ID, 1), 7);
        numbers.put(new Done(ID, 1), 8);
        numbers.put(new Cancel(ID, KvError.INTERNAL, ""), 9);
        numbers.put(new Ping(), 10);
        numbers.put(new Bye(), 11);
        numbers.put(new Saved(ID), 12);
        numbers.put(new Attachment(ID, 1, Optional.empty()), 13);
        assertThat(numbers).hasSize(Frame.class.getPermittedSubclasses().length);
        numbers.forEach(
                (frame, number) ->
                        assertThat(FrameCodec.encode(frame)[1])
                                .as("%s", frame)
                                .isEqualTo(number.byteValue()));
    }

    @Test
    void shouldKeepTheBytesOfAnOfferForEver() {
        // Array of 7: type 5, id as array of 3, tokens, digest, first layer, layers, no tail.
        assertThat(FrameCodec.encode(new Offer(ID, 7, -1, 0, 32, false)))
                .isEqualTo(
                        new byte[] {
                            (byte) 0x97, 5, (byte) 0x93, 1, 2, 3, 7, (byte) 0xff, 0, 32, (byte) 0xc2
                        });
    }

    // A node of version 3 reads just this, and refuses the version by its number.
    @Test
    void shouldSayHelloInTheFormThatVersion3Reads() throws IOException {
        try (MessageUnpacker in =
                MessagePack.newDefaultUnpacker(FrameCodec.encode(new Hello(4, IDENTITY)))) {
            List<Object> fields = new ArrayList<>();
            while (in.hasNext()) {
                Value value = in.unpackValue();
                if (value.isArrayValue()) {
                    value.asArrayValue().forEach(fields::add);
                } else {
                    fields.add(value);
                }
            }
            assertThat(fields)
                    .asString()
                    .isEqualTo(
                            "[1, 4, e, 4, h:5, m, 1, 1, 1, float16, KV_FIRST, 16, 0, 1, 0, 1, shape, 0,2,1,1, tcp, h:6, 7]");
        }
    }

    @Test
    void shouldReadTheHelloOfVersion3() {
        byte[] hello =
                HexFormat.of()
                        .parseHex(
                                "940103a16504a3683a35a16d010101a7666c6f61743136a84b565f4649525354100001000191a3746370a3683a3607");
        assertThat(FrameCodec.decode(hello)).isEqualTo(new Hello(3, IDENTITY));
    }

    @Test
    void shouldDecodeAnErrorOfANewerPeerToUnknown() {
        byte[] bytes = FrameCodec.encode(new Reject(KvError.CLOSED, "x"));
        // 204 is packed as 0xcc 0xcc.
        bytes[3] = (byte) 0xfa;
        assertThat(FrameCodec.decode(bytes)).isEqualTo(new Reject(KvError.UNKNOWN, "x"));
    }

    @Test
    void shouldShortenALongDetail() {
        Reject shortened =
                (Reject)
                        FrameCodec.decode(
                                FrameCodec.encode(new Reject(KvError.INTERNAL, "x".repeat(5000))));
        assertThat(shortened.detail()).isEqualTo("x".repeat(1000));
    }

    @Test
    void shouldRefuseLengthsBeforeItAllocates() {
        assertMalformed(new byte[FrameCodec.MAX_FRAME_BYTES + 1]);
        byte ff = (byte) 0xff;
        // A text, an array of planes and a binary that claim 2 GiB to 4 GiB.
        assertMalformed(new byte[] {(byte) 0x93, 3, 1, (byte) 0xdb, 0x7f, ff, ff, ff});
        assertMalformed(new byte[] {(byte) 0x93, 3, 1, (byte) 0xdb, ff, ff, ff, ff});
        assertMalformed(new byte[] {(byte) 0x93, 3, 1, (byte) 0xc6, 0x7f, ff, ff, ff});
        assertMalformed(new byte[] {(byte) 0xdd, 0x7f, ff, ff, ff, 5});
        assertMalformed(new byte[] {(byte) 0xdd, ff, ff, ff, ff, 5});
    }

    @Test
    void shouldRefuseValuesOutOfRange() {
        assertMalformed(FrameCodec.encode(new Offer(ID, 0, 0, 0, 1, false)));
        assertMalformed(FrameCodec.encode(new Offer(ID, 1, 0, -1, 1, false)));
        assertMalformed(FrameCodec.encode(new Offer(ID, 1, 0, 0, 0, false)));
        assertMalformed(FrameCodec.encode(new Offer(ID, 1, 0, 8, 2, false)));
        assertMalformed(FrameCodec.encode(new Grant(ID, 1, 0, 4097, false)));
        assertMalformed(FrameCodec.encode(new Busy(ID, -1)));
        assertMalformed(FrameCodec.encode(attachment(KvScheduler.MAX_ATTACHMENT_BYTES + 1)));
        assertMalformed(FrameCodec.encode(new Busy(ID, 60_001)));
    }

    @Test
    void shouldTakeTheLargestAttachment() {
        Attachment largest = attachment(KvScheduler.MAX_ATTACHMENT_BYTES);
        assertThat(FrameCodec.decode(FrameCodec.encode(largest))).isEqualTo(largest);
    }

    private static Attachment attachment(int bytes) {
        return new Attachment(ID, 1, Optional.of(ByteBuffer.allocate(bytes)));
    }

    @Provide
    Arbitrary<Frame> frames() {
        Arbitrary<Integer> ints = Arbitraries.integers();
        Arbitrary<Long> longs = Arbitraries.longs();
        Arbitrary<String> texts = Arbitraries.strings().ofMaxLength(200);
        Arbitrary<KvError> errors = Arbitraries.of(KvError.class);
        Arbitrary<TransferId> ids =
                Combinators.combine(longs, longs, Arbitraries.integers().greaterOrEqual(0))
                        .as(TransferId::new);
        Arbitrary<Integer> tokens = Arbitraries.integers().between(1, Integer.MAX_VALUE - 1);
        Arbitrary<Integer> groups = Arbitraries.integers().between(0, 7);
        Arbitrary<Integer> layers = Arbitraries.integers().between(1, 4096);
        Arbitrary<Boolean> flags = Arbitraries.of(true, false);
        Arbitrary<ByteBuffer> contents =
                Arbitraries.bytes().array(byte[].class).ofMaxSize(300).map(ByteBuffer::wrap);
        return Arbitraries.oneOf(
                Combinators.combine(ints, identities()).as(Hello::new),
                Combinators.combine(identities(), texts).as(Accept::new),
                Combinators.combine(errors, texts).as(Reject::new),
                Combinators.combine(ids, tokens, longs, longs, flags).as(Fetch::new),
                ids.map(Saved::new),
                Combinators.combine(ids, longs, contents.optional(0.7)).as(Attachment::new),
                Combinators.combine(ids, tokens, longs, groups, layers, flags).as(Offer::new),
                Combinators.combine(ids, longs, groups, layers, flags).as(Grant::new),
                Combinators.combine(ids, Arbitraries.integers().between(0, 60_000)).as(Busy::new),
                Combinators.combine(ids, longs).as(Done::new),
                Combinators.combine(ids, errors, texts).as(Cancel::new),
                Arbitraries.of(new Ping(), new Bye()));
    }

    private static Arbitrary<Identity> identities() {
        Arbitrary<String> texts = Arbitraries.strings().ofMaxLength(100);
        Arbitrary<HostPort> addresses =
                Combinators.combine(
                                Arbitraries.of("10.0.0.1", "host-1.example", "::1", "fe80::1%eth0"),
                                Arbitraries.integers().between(1000, 65_000))
                        .as(HostPort::new);
        Arbitrary<List<Plane>> planes =
                Combinators.combine(texts, texts).as(Plane::new).list().ofMaxSize(14);
        return Combinators.combine(
                        texts,
                        Arbitraries.longs(),
                        addresses,
                        groups(),
                        Arbitraries.integers().greaterOrEqual(0),
                        planes)
                .as(Identity::new);
    }

    // One group, or a second one of half the layers with a window and latent rows.
    private static Arbitrary<List<KvLayerGroup>> groups() {
        return Combinators.combine(layouts(), Arbitraries.integers().between(0, 5000))
                .as(
                        (layout, window) ->
                                window < 2
                                        ? List.of(KvLayerGroup.all(layout))
                                        : List.of(
                                                KvLayerGroup.all(layout), second(layout, window)));
    }

    private static KvLayerGroup second(KvLayout first, int window) {
        KvLayout layout =
                KvLayout.builder(
                                first.model(),
                                first.layers(),
                                1,
                                576,
                                DType.BF16,
                                first.blockSize())
                        .tensorParallel(first.tpRank(), first.tpSize())
                        .pipelineParallel(first.ppRank(), first.ppSize())
                        .stageLayers(first.stageLayers())
                        .latent()
                        .build();
        return KvLayerGroup.sliding(layout, KvLayerGroup.all(layout).layers(), window);
    }

    // Any rank of any instance, in the axis order that is never sent.
    private static Arbitrary<KvLayout> layouts() {
        Arbitrary<String> models = Arbitraries.strings().ofMinLength(1).ofMaxLength(100);
        Arbitrary<List<Integer>> stages =
                Arbitraries.integers().between(1, 4096).list().ofMinSize(1).ofMaxSize(8);
        return Combinators.combine(
                        models,
                        stages,
                        Arbitraries.integers().between(1, 300),
                        Arbitraries.integers().between(1, 8),
                        Arbitraries.integers().between(0, 63),
                        Arbitraries.integers().between(0, 30).map(bit -> 1 << bit),
                        Arbitraries.of(DType.class))
                .as(
                        (model, layers, heads, tp, rank, block, dtype) -> {
                            int pp = layers.size();
                            boolean latent = heads == 1;
                            KvShardMap.Shard shard =
                                    KvShardMap.shards(heads, tp, layers).get(rank % (tp * pp));
                            KvLayout.Builder builder =
                                    KvLayout.builder(
                                                    model,
                                                    shard.layers(),
                                                    shard.heads(),
                                                    1 + block % 999,
                                                    dtype,
                                                    block)
                                            .tensorParallel(shard.rank() % tp, tp)
                                            .pipelineParallel(shard.rank() / tp, pp)
                                            .modelKvHeads(heads)
                                            .stageLayers(layers);
                            return latent ? builder.latent().build() : builder.build();
                        });
    }

    private static void decodeOrMalformed(byte[] bytes) {
        try {
            FrameCodec.decode(bytes);
        } catch (KvConnectorException expected) {
            assertThat(expected.error()).isEqualTo(KvError.MALFORMED_FRAME);
        }
    }

    private static void assertMalformed(byte[] bytes) {
        assertThatThrownBy(() -> FrameCodec.decode(bytes))
                .isInstanceOf(KvConnectorException.class)
                .extracting(cause -> ((KvConnectorException) cause).error())
                .isEqualTo(KvError.MALFORMED_FRAME);
    }
}
