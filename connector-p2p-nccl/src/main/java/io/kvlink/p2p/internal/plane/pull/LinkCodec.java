// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

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
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * {@link LinkFrame}s as bytes, little-endian.
 *
 * <pre>
 *  0                 4        5
 *  +-----------------+--------+---------------------------------------+
 *  | bytes that follow| type   | the record's components, in order     |
 *  +-----------------+--------+---------------------------------------+
 * </pre>
 *
 * Lists begin with their size, texts and arrays with their length, each in four bytes. Decoding
 * throws nothing but {@link KvError#MALFORMED_FRAME}.
 */
public final class LinkCodec {

    /** No frame is longer, its length field not counted. */
    static final int MAX_BYTES = 256 * 1024;

    /** No frame has more parts or pieces. */
    public static final int MAX_PARTS = 4096;

    /** First of all frames on a link: tells a stranger from a peer of another version. */
    private static final int MAGIC = 0x4b76_4c31; // KvL1

    private LinkCodec() {}

    /** The frame with its length in front, from position to limit. */
    public static ByteBuffer encode(LinkFrame frame) {
        if (frame instanceof Hello hello) {
            byte[] endpoint = hello.endpoint().getBytes(StandardCharsets.UTF_8);
            ByteBuffer out = begin(1, 24 + endpoint.length);
            out.putInt(MAGIC).putLong(hello.secret().high()).putLong(hello.secret().low());
            return out.putInt(endpoint.length).put(endpoint).flip();
        }
        if (frame instanceof Export export) {
            ByteBuffer out = begin(2, 24 + export.handle().length);
            out.putInt(export.region()).putLong(export.address()).putLong(export.bytes());
            return out.putInt(export.handle().length).put(export.handle()).flip();
        }
        if (frame instanceof UniqueId unique) {
            return begin(3, 4 + unique.id().length)
                    .putInt(unique.id().length)
                    .put(unique.id())
                    .flip();
        }
        if (frame instanceof Pull pull) {
            ByteBuffer out = begin(4, 4 + pull.parts().size() * PullPart.BYTES);
            out.putInt(pull.parts().size());
            for (PullPart part : pull.parts()) {
                out.putLong(part.id()).putLong(part.ticket()).putInt(part.piece());
                out.putLong(part.offset()).putLong(part.bytes());
                out.putInt(part.region()).putLong(part.at());
            }
            return out.flip();
        }
        if (frame instanceof Written written) {
            ByteBuffer out = begin(6, 4 + written.parts().size() * 8);
            out.putInt(written.parts().size());
            written.parts().forEach(out::putLong);
            return out.flip();
        }
        if (frame instanceof Failed failed) {
            return begin(7, 8).putLong(failed.ticket()).flip();
        }
        if (frame instanceof Drop drop) {
            return begin(8, 8).putLong(drop.ticket()).flip();
        }
        if (frame instanceof Dropped dropped) {
            return begin(9, 8).putLong(dropped.ticket()).flip();
        }
        if (frame instanceof Bye) {
            return begin(10, 0).flip();
        }
        if (frame instanceof Settle) {
            return begin(12, 0).flip();
        }
        if (frame instanceof Settled) {
            return begin(13, 0).flip();
        }
        if (frame instanceof Ready ready) {
            ByteBuffer out = begin(11, 16 + ready.runs().size() * 8);
            out.putLong(ready.ticket()).putInt(ready.piece()).putInt(ready.runs().size());
            ready.runs().forEach(out::putLong);
            return out.flip();
        }
        throw new IllegalStateException("frame=" + frame);
    }

    private static ByteBuffer begin(int type, int bytes) {
        if (bytes >= MAX_BYTES) {
            throw new IllegalArgumentException("type=" + type + " bytes=" + bytes);
        }
        return ByteBuffer.allocate(5 + bytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(1 + bytes)
                .put((byte) type);
    }

    /**
     * Decodes a frame.
     *
     * @param in its bytes behind the length field, little-endian; all of them are read
     */
    static LinkFrame decode(ByteBuffer in) {
        try {
            LinkFrame frame = read(in.get(), in);
            if (in.hasRemaining()) {
                throw malformed("left=" + in.remaining());
            }
            return frame;
        } catch (BufferUnderflowException cause) {
            throw malformed("it ends too early");
        }
    }

    private static LinkFrame read(int type, ByteBuffer in) {
        return switch (type) {
            case 1 -> hello(in);
            case 2 -> export(in);
            case 3 -> new UniqueId(array(in, 128));
            case 4 -> new Pull(parts(in));
            case 6 -> written(in);
            case 7 -> new Failed(in.getLong());
            case 8 -> new Drop(in.getLong());
            case 9 -> new Dropped(in.getLong());
            case 10 -> new Bye();
            case 11 -> ready(in);
            case 12 -> new Settle();
            case 13 -> new Settled();
            default -> throw malformed("type=" + type);
        };
    }

    private static Hello hello(ByteBuffer in) {
        if (in.getInt() != MAGIC) {
            throw malformed("no hello");
        }
        Token secret = new Token(in.getLong(), in.getLong());
        return new Hello(secret, new String(array(in, 4096), StandardCharsets.UTF_8));
    }

    private static Export export(ByteBuffer in) {
        int region = in.getInt();
        long address = in.getLong();
        long bytes = in.getLong();
        return new Export(region, array(in, 64), address, bytes);
    }

    private static Ready ready(ByteBuffer in) {
        long ticket = in.getLong();
        int piece = in.getInt();
        List<Long> runs = new ArrayList<>();
        for (int left = size(in, 8); left > 0; left--) {
            runs.add(positive(in.getLong()));
        }
        return new Ready(ticket, piece, runs);
    }

    private static Written written(ByteBuffer in) {
        List<Long> parts = new ArrayList<>();
        for (int left = size(in, 8); left > 0; left--) {
            parts.add(in.getLong());
        }
        return new Written(parts);
    }

    private static List<PullPart> parts(ByteBuffer in) {
        List<PullPart> parts = new ArrayList<>();
        for (int left = size(in, PullPart.BYTES); left > 0; left--) {
            long id = in.getLong();
            long ticket = in.getLong();
            int piece = in.getInt();
            long offset = in.getLong();
            long bytes = positive(in.getLong());
            int region = in.getInt();
            long at = in.getLong();
            if (offset < 0 || at < 0) {
                throw malformed("offset=" + offset + " at=" + at);
            }
            parts.add(new PullPart(id, ticket, piece, offset, bytes, region, at));
        }
        return parts;
    }

    private static int size(ByteBuffer in, int each) {
        int size = in.getInt();
        if (size < 0 || size > MAX_PARTS || (long) size * each > in.remaining()) {
            throw malformed("size=" + size);
        }
        return size;
    }

    private static byte[] array(ByteBuffer in, int most) {
        int length = in.getInt();
        if (length < 0 || length > most || length > in.remaining()) {
            throw malformed("length=" + length);
        }
        byte[] array = new byte[length];
        in.get(array);
        return array;
    }

    private static long positive(long bytes) {
        if (bytes <= 0) {
            throw malformed("bytes=" + bytes);
        }
        return bytes;
    }

    private static KvConnectorException malformed(String detail) {
        return new KvConnectorException(KvError.MALFORMED_FRAME, "side channel: " + detail);
    }
}
