// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Bye;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Drop;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Dropped;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Export;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Failed;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Hello;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Pull;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Ready;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Settle;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Settled;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.UniqueId;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Written;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

final class LinkCodecTest {

    @Provide
    Arbitrary<LinkFrame> frames() {
        Arbitrary<Long> any = Arbitraries.longs();
        Arbitrary<Long> positive = Arbitraries.longs().greaterOrEqual(1);
        Arbitrary<Long> offset = Arbitraries.longs().greaterOrEqual(0);
        Arbitrary<Integer> ints = Arbitraries.integers();
        Arbitrary<PullPart> part =
                Combinators.combine(any, any, ints, offset, positive, ints, offset)
                        .as(PullPart::new);
        return Arbitraries.oneOf(
                Combinators.combine(any, any, Arbitraries.strings().ofMaxLength(500))
                        .as((high, low, text) -> new Hello(new Token(high, low), readable(text))),
                Combinators.combine(ints, bytes(64), any, any).as(Export::new),
                bytes(128).map(UniqueId::new),
                part.list().ofMaxSize(300).map(Pull::new),
                Combinators.combine(any, ints, positive.list().ofMaxSize(300)).as(Ready::new),
                any.list().ofMaxSize(300).map(Written::new),
                any.map(Failed::new),
                any.map(Drop::new),
                any.map(Dropped::new),
                Arbitraries.of(new Bye(), new Settle(), new Settled()));
    }

    private static Arbitrary<byte[]> bytes(int most) {
        return Arbitraries.bytes().array(byte[].class).ofMaxSize(most);
    }

    // Half a pair of surrogates is no text.
    private static String readable(String text) {
        return text.chars().anyMatch(each -> Character.isSurrogate((char) each)) ? "" : text;
    }

    private static ByteBuffer body(LinkFrame frame) {
        ByteBuffer encoded = LinkCodec.encode(frame);
        assertThat(encoded.getInt()).isEqualTo(encoded.remaining());
        return encoded.slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    @Property
    void whatIsDecodedIsWhatWasEncoded(@ForAll("frames") LinkFrame frame) {
        // Records with arrays aren't equal: compare them field by field.
        assertThat(LinkCodec.decode(body(frame))).usingRecursiveComparison().isEqualTo(frame);
    }

    @Property
    void noBytesMakeDecodeThrowAnythingElse(@ForAll byte[] bytes) {
        decodeOrRefuse(bytes);
    }

    @Property
    void noBytesBehindATypeMakeDecodeThrowAnythingElse(
            @ForAll byte[] bytes, @ForAll("types") byte type) {
        byte[] typed = new byte[bytes.length + 1];
        typed[0] = type;
        System.arraycopy(bytes, 0, typed, 1, bytes.length);
        decodeOrRefuse(typed);
    }

    @Provide
    Arbitrary<Byte> types() {
        return Arbitraries.bytes().between((byte) 0, (byte) 15);
    }

    @Property
    void noChangeOfAFrameMakesDecodeThrowAnythingElse(
            @ForAll("frames") LinkFrame frame, @ForAll int at, @ForAll byte to) {
        ByteBuffer body = body(frame);
        byte[] changed = new byte[body.remaining()];
        body.get(changed);
        changed[Math.floorMod(at, changed.length)] = to;
        decodeOrRefuse(changed);
    }

    @Property
    void aFrameThatIsCutOrHasMoreIsRefused(@ForAll("frames") LinkFrame frame, @ForAll int at) {
        ByteBuffer body = body(frame);
        byte[] whole = new byte[body.remaining()];
        body.get(whole);
        int kept = Math.floorMod(at, whole.length);
        refused(ByteBuffer.wrap(whole, 0, kept).slice());
        refused(ByteBuffer.allocate(whole.length + 1).put(whole).rewind());
    }

    private static void decodeOrRefuse(byte[] bytes) {
        try {
            LinkCodec.decode(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
        } catch (KvConnectorException expected) {
            assertThat(expected.error()).isEqualTo(KvError.MALFORMED_FRAME);
        }
    }

    private static void refused(ByteBuffer bytes) {
        assertThatThrownBy(() -> LinkCodec.decode(bytes.order(ByteOrder.LITTLE_ENDIAN)))
                .isInstanceOfSatisfying(
                        KvConnectorException.class,
                        cause -> assertThat(cause.error()).isEqualTo(KvError.MALFORMED_FRAME));
    }

    @Test
    void theLargestFramesFit() {
        PullPart part = new PullPart(1, 2, 3, 4, 5, 6, 7);
        List<LinkFrame> largest =
                List.of(
                        new Pull(Collections.nCopies(LinkCodec.MAX_PARTS, part)),
                        new Written(Collections.nCopies(LinkCodec.MAX_PARTS, 1L)),
                        new Ready(1, 2, Collections.nCopies(LinkCodec.MAX_PARTS, 1L)));
        for (LinkFrame frame : largest) {
            ByteBuffer body = body(frame);
            assertThat(body.remaining()).isLessThanOrEqualTo(LinkCodec.MAX_BYTES);
            assertThat(LinkCodec.decode(body)).isEqualTo(frame);
        }
    }

    @Test
    void moreThanTheMostIsRefused() {
        refused(body(new Written(Collections.nCopies(LinkCodec.MAX_PARTS + 1, 1L))));
        refused(body(new UniqueId(new byte[129])));
        refused(body(new Export(0, new byte[65], 0, 0)));
        refused(body(new Hello(new Token(1, 2), "x".repeat(4097))));
        assertThatThrownBy(() -> body(new Written(Collections.nCopies(40_000, 1L))))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void partsAndRunsThatCannotBeAreRefused() {
        refused(body(new Pull(List.of(new PullPart(1, 1, 1, -1, 1, 1, 1)))));
        refused(body(new Pull(List.of(new PullPart(1, 1, 1, 0, 0, 1, 1)))));
        refused(body(new Pull(List.of(new PullPart(1, 1, 1, 0, 1, 1, -1)))));
        refused(body(new Ready(1, 1, List.of(0L))));
        refused(body(new Ready(1, 1, List.of(1L, -1L))));
    }
}
