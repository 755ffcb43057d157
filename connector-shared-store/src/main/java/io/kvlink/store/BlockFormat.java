// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/**
 * Content of a block's file. All fields are little-endian.
 *
 * <pre>
 *    0 +-----------------------------------+
 *      | "KVLBLOCK"                        |
 *    8 +-----------------+-----------------+
 *      | version=1       | CRC32C          |  over all other bytes
 *   16 +-----------------+-----------------+
 *      | bytes behind the header           |
 *   24 +-----------------+-----------------+
 *      | tokens          | layers          |
 *      | kvHeads         | headSize        |
 *      | tpRank          | tpSize          |
 *      | ppRank          | ppSize          |
 *   56 +-----------------+-----------------+
 *      | zero                              |
 *   64 +-----------------------------------+
 *      | block hash, 32 bytes              |
 *   96 +-----------------------------------+
 *      | SHA-256 of element type and model |
 *  128 +-----------------------------------+
 *      | KV: layer by layer, each          |
 *      | [2][tokens][kvHeads][headSize]    |
 *      +-----------------------------------+
 * </pre>
 */
final class BlockFormat {

    static final int VERSION = 1;
    static final int HEADER_BYTES = 128;

    private static final byte[] MAGIC = "KVLBLOCK".getBytes(StandardCharsets.US_ASCII);
    private static final int CRC_AT = 12;
    private static final int FIELDS_AT = 24;
    private static final int HASH_AT = 64;
    private static final int DIGEST_BYTES = 32;

    private final int payloadBytes;
    // A header with zeros for checksum and hash.
    private final byte[] template;

    BlockFormat(KvLayout layout, int blockTokens) {
        long bytes = Math.multiplyExact(layout.layerBytes(blockTokens), (long) layout.layers());
        payloadBytes = Math.toIntExact(Math.addExact(bytes, HEADER_BYTES)) - HEADER_BYTES;
        template = template(layout, blockTokens);
    }

    /** Bytes of a block's KV. */
    int payloadBytes() {
        return payloadBytes;
    }

    /** Bytes of a block's file. */
    long fileBytes() {
        return (long) HEADER_BYTES + payloadBytes;
    }

    /** Name for all blocks of this layout and version. */
    String namespace() {
        String digest = HexFormat.of().formatHex(sha256().digest(template), 0, 8);
        return "v" + VERSION + "-" + digest;
    }

    /** Header of a block's file. */
    ByteBuffer header(BlockHash hash, ByteBuffer payload) {
        ByteBuffer header = unchecked(hash);
        header.putInt(CRC_AT, checksum(header, payload));
        return header;
    }

    /** Reason why a file isn't the block; empty if it is. */
    String fault(BlockHash hash, ByteBuffer header, ByteBuffer payload) {
        ByteBuffer expected = unchecked(hash);
        expected.putInt(CRC_AT, little(header).getInt(CRC_AT));
        int differs = expected.mismatch(header.duplicate().clear());
        if (differs >= 0) {
            return "header byte " + differs;
        }
        return checksum(expected, payload) == expected.getInt(CRC_AT) ? "" : "checksum";
    }

    private ByteBuffer unchecked(BlockHash hash) {
        ByteBuffer header = little(ByteBuffer.wrap(template.clone()));
        header.put(HASH_AT, HexFormat.of().parseHex(hash.hex()));
        return header;
    }

    private static int checksum(ByteBuffer header, ByteBuffer payload) {
        CRC32C crc = new CRC32C();
        crc.update(header.duplicate().clear().limit(CRC_AT));
        crc.update(header.duplicate().clear().position(CRC_AT + Integer.BYTES));
        crc.update(payload.duplicate().clear());
        return (int) crc.getValue();
    }

    private byte[] template(KvLayout layout, int blockTokens) {
        ByteBuffer header = little(ByteBuffer.allocate(HEADER_BYTES));
        header.put(MAGIC).putInt(VERSION).putInt(0).putLong(payloadBytes).position(FIELDS_AT);
        header.putInt(blockTokens).putInt(layout.layers());
        header.putInt(layout.kvHeads()).putInt(layout.headSize());
        header.putInt(layout.tpRank()).putInt(layout.tpSize());
        header.putInt(layout.ppRank()).putInt(layout.ppSize());
        String kind = layout.dtype().key() + " " + layout.model();
        byte[] digest = sha256().digest(kind.getBytes(StandardCharsets.UTF_8));
        header.put(HASH_AT + DIGEST_BYTES, digest);
        return header.array();
    }

    private static ByteBuffer little(ByteBuffer buffer) {
        return buffer.order(ByteOrder.LITTLE_ENDIAN);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException cause) {
            throw new IllegalStateException("every Java has SHA-256", cause);
        }
    }
}
