// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import io.kvlink.p2p.internal.control.Frame.Accept;
import io.kvlink.p2p.internal.control.Frame.Attachment;
import io.kvlink.p2p.internal.control.Frame.Busy;
import io.kvlink.p2p.internal.control.Frame.Bye;
import io.kvlink.p2p.internal.control.Frame.Cancel;
import io.kvlink.p2p.internal.control.Frame.Done;
import io.kvlink.p2p.internal.control.Frame.Fetch;
import io.kvlink.p2p.internal.control.Frame.Grant;
import io.kvlink.p2p.internal.control.Frame.Hello;
import io.kvlink.p2p.internal.control.Frame.Offer;
import io.kvlink.p2p.internal.control.Frame.Ping;
import io.kvlink.p2p.internal.control.Frame.Reject;
import io.kvlink.p2p.internal.control.Frame.Saved;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.TransferId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessagePackException;
import org.msgpack.core.MessageUnpacker;

/**
 * Frames as MessagePack: an array of the type's number and the record's components in order. A
 * type's number is for ever.
 *
 * <p>Decoding bounds every length before it allocates, and throws nothing but {@link
 * KvError#MALFORMED_FRAME}.
 */
public final class FrameCodec {

    /** No frame is longer. */
    public static final int MAX_FRAME_BYTES = 64 * 1024;

    private static final int MAX_TEXT_BYTES = 4096;
    static final int MAX_LAYERS = 4096;

    /** No rank has more groups of layers. */
    public static final int MAX_GROUPS = 8;

    // With the tail they are an int, too.
    private static final int MAX_TOKENS = Integer.MAX_VALUE - 1;

    private FrameCodec() {}

    /**
     * Encodes a frame.
     *
     * @param frame what to say
     * @return its bytes
     */
    public static byte[] encode(Frame frame) {
        try (MessageBufferPacker out = MessagePack.newDefaultBufferPacker()) {
            if (frame instanceof Hello hello) {
                begin(out, 1, 3);
                out.packInt(hello.protocol());
                IdentityCodec.pack(out, hello.identity());
            } else if (frame instanceof Accept accept) {
                begin(out, 2, 3);
                IdentityCodec.pack(out, accept.identity());
                out.packString(accept.plane());
            } else if (frame instanceof Reject reject) {
                begin(out, 3, 2);
                packFailure(out, reject.error(), reject.detail());
            } else if (frame instanceof Fetch fetch) {
                begin(out, 4, 5);
                packId(out, fetch.id());
                out.packInt(fetch.tokens()).packLong(fetch.digest()).packLong(fetch.ticket());
                out.packBoolean(fetch.tail());
            } else if (frame instanceof Offer offer) {
                begin(out, 5, 6);
                packId(out, offer.id());
                out.packInt(offer.tokens()).packLong(offer.digest());
                out.packInt(offer.group()).packInt(offer.layers());
                out.packBoolean(offer.tail());
            } else if (frame instanceof Grant grant) {
                begin(out, 6, 5);
                packId(out, grant.id());
                out.packLong(grant.ticket()).packInt(grant.group()).packInt(grant.layers());
                out.packBoolean(grant.tail());
            } else if (frame instanceof Busy busy) {
                begin(out, 7, 2);
                packId(out, busy.id());
                out.packInt(busy.retryAfterMs());
            } else if (frame instanceof Done done) {
                begin(out, 8, 2);
                packId(out, done.id());
                out.packLong(done.ticket());
            } else if (frame instanceof Cancel cancel) {
                begin(out, 9, 3);
                packId(out, cancel.id());
                packFailure(out, cancel.error(), cancel.detail());
            } else if (frame instanceof Ping) {
                begin(out, 10, 0);
            } else if (frame instanceof Bye) {
                begin(out, 11, 0);
            } else if (frame instanceof Saved saved) {
                begin(out, 12, 1);
                packId(out, saved.id());
            } else if (frame instanceof Attachment attachment) {
                begin(out, 13, 3);
                packId(out, attachment.id());
                out.packLong(attachment.ticket());
                packContent(out, attachment.content());
            } else {
                throw new IllegalStateException("frame=" + frame);
            }
            return out.toByteArray();
        } catch (IOException cause) {
            throw new IllegalStateException("packing into memory", cause);
        }
    }

    /**
     * Decodes a frame.
     *
     * @param bytes anything at all
     * @return the frame
     * @throws KvConnectorException with {@link KvError#MALFORMED_FRAME}, and nothing else
     */
    public static Frame decode(byte[] bytes) {
        if (bytes.length > MAX_FRAME_BYTES) {
            throw malformed("bytes=" + bytes.length + " max=" + MAX_FRAME_BYTES, null);
        }
        try (MessageUnpacker in = MessagePack.newDefaultUnpacker(bytes)) {
            int fields = in.unpackArrayHeader() - 1;
            int type = in.unpackInt();
            Frame frame =
                    switch (type) {
                        case 1 -> hello(in, fields);
                        case 2 ->
                                expect(
                                        fields,
                                        3,
                                        new Accept(IdentityCodec.identity(in, true), text(in)));
                        case 3 -> expect(fields, 2, new Reject(error(in), text(in)));
                        case 4 -> expect(fields, 5, fetch(in));
                        case 5 -> expect(fields, 6, offer(in));
                        case 6 -> expect(fields, 5, grant(in));
                        case 7 -> expect(fields, 2, new Busy(id(in), between(in, 0, 60_000)));
                        case 8 -> expect(fields, 2, new Done(id(in), in.unpackLong()));
                        case 9 -> expect(fields, 3, new Cancel(id(in), error(in), text(in)));
                        case 10 -> expect(fields, 0, new Ping());
                        case 11 -> expect(fields, 0, new Bye());
                        case 12 -> expect(fields, 1, new Saved(id(in)));
                        case 13 -> expect(fields, 3, attachment(in));
                        default -> throw malformed("type=" + type, null);
                    };
            if (in.hasNext()) {
                throw malformed("type=" + type + " trailing bytes", null);
            }
            return frame;
        } catch (KvConnectorException cause) {
            throw cause.error() == KvError.MALFORMED_FRAME
                    ? cause
                    : malformed(String.valueOf(cause.getMessage()), cause);
        } catch (IOException | MessagePackException | IllegalArgumentException cause) {
            throw malformed(String.valueOf(cause.getMessage()), cause);
        }
    }

    private static Frame expect(int fields, int expected, Frame frame) {
        if (fields != expected) {
            throw malformed("fields=" + fields + " expected=" + expected, null);
        }
        return frame;
    }

    private static void begin(MessageBufferPacker out, int type, int fields) throws IOException {
        out.packArrayHeader(fields + 1);
        out.packInt(type);
    }

    // Up to version 2 nobody said how prompts are cut; whoever calls so must hear why it's refused.
    private static Frame hello(MessageUnpacker in, int fields) throws IOException {
        boolean chunked = fields != 2;
        return expect(
                fields,
                chunked ? 3 : 2,
                new Hello(in.unpackInt(), IdentityCodec.identity(in, chunked)));
    }

    private static Fetch fetch(MessageUnpacker in) throws IOException {
        TransferId id = id(in);
        int tokens = between(in, 1, MAX_TOKENS);
        return new Fetch(id, tokens, in.unpackLong(), in.unpackLong(), in.unpackBoolean());
    }

    private static Offer offer(MessageUnpacker in) throws IOException {
        TransferId id = id(in);
        int tokens = between(in, 1, MAX_TOKENS);
        long digest = in.unpackLong();
        int group = between(in, 0, MAX_GROUPS - 1);
        int layers = between(in, 1, MAX_LAYERS);
        return new Offer(id, tokens, digest, group, layers, in.unpackBoolean());
    }

    private static Grant grant(MessageUnpacker in) throws IOException {
        TransferId id = id(in);
        long ticket = in.unpackLong();
        int group = between(in, 0, MAX_GROUPS - 1);
        int layers = between(in, 1, MAX_LAYERS);
        return new Grant(id, ticket, group, layers, in.unpackBoolean());
    }

    private static void packContent(MessageBufferPacker out, Optional<ByteBuffer> content)
            throws IOException {
        if (content.isEmpty()) {
            out.packNil();
            return;
        }
        ByteBuffer bytes = content.get().duplicate();
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        out.packBinaryHeader(copy.length).writePayload(copy);
    }

    private static Attachment attachment(MessageUnpacker in) throws IOException {
        TransferId id = id(in);
        long ticket = in.unpackLong();
        if (in.tryUnpackNil()) {
            return new Attachment(id, ticket, Optional.empty());
        }
        int bytes = in.unpackBinaryHeader();
        if (bytes > KvScheduler.MAX_ATTACHMENT_BYTES) {
            throw malformed("attachment=" + bytes + " bytes", null);
        }
        return new Attachment(id, ticket, Optional.of(ByteBuffer.wrap(in.readPayload(bytes))));
    }

    private static void packId(MessageBufferPacker out, TransferId id) throws IOException {
        out.packArrayHeader(3);
        out.packLong(id.high()).packLong(id.low()).packInt(id.prompt());
    }

    private static TransferId id(MessageUnpacker in) throws IOException {
        if (in.unpackArrayHeader() != 3) {
            throw malformed("transfer id", null);
        }
        return new TransferId(in.unpackLong(), in.unpackLong(), in.unpackInt());
    }

    private static void packFailure(MessageBufferPacker out, KvError error, String detail)
            throws IOException {
        out.packInt(error.number());
        out.packString(detail.length() > 1000 ? detail.substring(0, 1000) : detail);
    }

    private static KvError error(MessageUnpacker in) throws IOException {
        return KvError.ofNumber(in.unpackInt());
    }

    static int between(MessageUnpacker in, int min, int max) throws IOException {
        return between(in.unpackInt(), min, max);
    }

    static int between(int value, int min, int max) {
        if (value < min || value > max) {
            throw malformed("value=" + value + " range=" + min + ".." + max, null);
        }
        return value;
    }

    static String text(MessageUnpacker in) throws IOException {
        int bytes = in.unpackRawStringHeader();
        if (bytes > MAX_TEXT_BYTES) {
            throw malformed("text=" + bytes + " bytes, max=" + MAX_TEXT_BYTES, null);
        }
        return new String(in.readPayload(bytes), StandardCharsets.UTF_8);
    }

    static KvConnectorException malformed(String detail, @Nullable Throwable cause) {
        return new KvConnectorException(KvError.MALFORMED_FRAME, detail, cause);
    }
}
