// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.Token;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The bytes of the TCP plane. All fields are little-endian. A sender opens a connection with a
 * preamble:
 *
 * <pre>
 *  0                 4                 8                                 16
 *  +-----------------+-----------------+---------------------------------+
 *  | magic "KVTC"    | version = 1     | the receiver's secret,          |
 *  +-----------------+-----------------+---------------------------------+
 *  | in 16 bytes                       | digest of the sender's own      |
 *  +-----------------------------------+---------------------------------+
 *  | endpoint, in 16 bytes             |
 *  +-----------------------------------+ 40
 * </pre>
 *
 * <p>Then come frames, each a header and as many raw bytes as it says. Nothing goes the other way.
 *
 * <pre>
 *  0                 4                 8                                 16
 *  +-----------------+-----------------+---------------------------------+
 *  | magic "KVTF"    | piece           | the receiver's ticket           |
 *  +-----------------+-----------------+---------------------------------+
 *  | length in bytes                   | bytes of the piece ...
 *  +-----------------------------------+ 24
 * </pre>
 *
 * <p>The bytes are neither encrypted nor signed: the secret keeps strangers and mistaken addresses
 * out, not somebody who reads the network.
 */
final class TcpWire {

    static final int PREAMBLE_BYTES = 40;
    static final int HEADER_BYTES = 24;
    static final int VERSION = 1;

    private static final int PREAMBLE_MAGIC = 0x4354_564B;
    private static final int HEADER_MAGIC = 0x4654_564B;

    private TcpWire() {}

    /** A buffer that can hold a preamble or a header. */
    static ByteBuffer newBuffer() {
        return ByteBuffer.allocateDirect(PREAMBLE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }

    static void putPreamble(ByteBuffer buffer, Token secret, Token sender) {
        buffer.putInt(PREAMBLE_MAGIC)
                .putInt(VERSION)
                .putLong(secret.low())
                .putLong(secret.high())
                .putLong(sender.low())
                .putLong(sender.high());
    }

    static void putHeader(ByteBuffer buffer, int piece, long ticket, long length) {
        buffer.putInt(HEADER_MAGIC).putInt(piece).putLong(ticket).putLong(length);
    }

    /** Finds the fault of the preamble at the buffer's start; empty if there is none. */
    static String preambleFault(ByteBuffer buffer, Token secret) {
        if (buffer.getInt(0) != PREAMBLE_MAGIC) {
            return "no KvLink sender";
        }
        if (buffer.getInt(4) != VERSION) {
            return "another version of the protocol";
        }
        return secret.matches(new Token(buffer.getLong(16), buffer.getLong(8)))
                ? ""
                : "the wrong secret";
    }

    static Token sender(ByteBuffer buffer) {
        return new Token(buffer.getLong(32), buffer.getLong(24));
    }

    static boolean isHeader(ByteBuffer buffer) {
        return buffer.getInt(0) == HEADER_MAGIC;
    }

    static int piece(ByteBuffer buffer) {
        return buffer.getInt(4);
    }

    static long ticket(ByteBuffer buffer) {
        return buffer.getLong(8);
    }

    static long length(ByteBuffer buffer) {
        return buffer.getLong(16);
    }
}
