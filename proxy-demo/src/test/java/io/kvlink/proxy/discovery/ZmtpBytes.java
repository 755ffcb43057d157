// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.discovery;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Bytes of ZMTP 3 as a peer sends them, right ones and others. */
public final class ZmtpBytes {

    public static final int MORE = 1;
    static final int LARGE = 2;
    static final int COMMAND = 4;

    private ZmtpBytes() {}

    static byte[] greeting(int version, String mechanism) {
        ByteBuffer bytes = ByteBuffer.allocate(64);
        bytes.put((byte) 0xff).position(9);
        bytes.put((byte) 0x7f).put((byte) version).put((byte) 0);
        bytes.put(mechanism.getBytes(StandardCharsets.US_ASCII));
        return bytes.array();
    }

    static byte[] ready(String type) {
        return frame(COMMAND, text("\5READY\13Socket-Type\0\0\0" + (char) type.length() + type));
    }

    /** All that comes before the first message. */
    public static byte[] handshake() {
        return join(greeting(3, "NULL"), ready("DEALER"));
    }

    static byte[] frame(int flags, byte[] payload) {
        return join(new byte[] {(byte) flags, (byte) payload.length}, payload);
    }

    public static byte[] largeFrame(int flags, byte[] payload) {
        return join(largeHeader(flags, payload.length), payload);
    }

    /** The nine bytes that announce a frame. */
    public static byte[] largeHeader(int flags, long length) {
        return ByteBuffer.allocate(9).put((byte) (flags | LARGE)).putLong(length).array();
    }

    static byte[] text(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }
}
