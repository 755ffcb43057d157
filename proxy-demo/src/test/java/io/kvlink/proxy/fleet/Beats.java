// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/** Speaks as an instance does: a DEALER whose identity is its control address. */
public final class Beats implements AutoCloseable {

    private final ZContext context = new ZContext(1);
    private final int port;

    public Beats(int port) {
        this.port = port;
        context.setLinger(1000);
    }

    public ZMQ.Socket dealer(String identity) {
        ZMQ.Socket dealer = context.createSocket(SocketType.DEALER);
        dealer.setIdentity(identity.getBytes(StandardCharsets.UTF_8));
        // JeroMQ 0.6.0 sometimes never begins the handshake of a fresh connection (its pull request
        // 1022); this timer, 30 s by default, ends such a connection and makes another.
        dealer.setHandshakeIvl(300);
        dealer.connect("tcp://127.0.0.1:" + port);
        return dealer;
    }

    /** One heartbeat as the reference packs it. */
    public void beat(String type, String http, String zmq) {
        dealer(zmq).send(map(type, http, zmq, Map.of()));
    }

    public static byte[] map(String type, String http, String zmq, Map<String, ?> more) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("type", type);
        fields.put("http_address", http);
        fields.put("zmq_address", zmq);
        fields.putAll(more);
        return pack(fields);
    }

    /** One heartbeat of these fields alone. */
    public static byte[] map(Map<String, ?> fields) {
        return pack(fields);
    }

    static byte[] pack(Map<String, ?> fields) {
        try (MessageBufferPacker packer = MessagePack.newDefaultBufferPacker()) {
            packer.packMapHeader(fields.size());
            for (Map.Entry<String, ?> field : fields.entrySet()) {
                packer.packString(field.getKey());
                value(packer, field.getValue());
            }
            return packer.toByteArray();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private static void value(MessageBufferPacker packer, Object value) throws IOException {
        if (value instanceof String text) {
            packer.packString(text);
        } else if (value instanceof Long number) {
            packer.packLong(number);
        } else if (value instanceof Double number) {
            packer.packDouble(number);
        } else if (value instanceof Boolean flag) {
            packer.packBoolean(flag);
        } else if (value instanceof List<?> list) {
            packer.packArrayHeader(list.size());
            for (Object each : list) {
                value(packer, each);
            }
        } else {
            throw new IllegalArgumentException("value=" + value);
        }
    }

    @Override
    public void close() {
        context.close();
    }
}
