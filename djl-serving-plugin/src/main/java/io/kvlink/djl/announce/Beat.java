// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.announce;

import io.kvlink.djl.generation.WorkerStatus;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;

/**
 * Heartbeat of one instance: a MessagePack map. Its first keys are those that proxies have always
 * read. An instance without a KV address has no {@code zmq_address}.
 *
 * <pre>
 * type             "P" if it computes prompts for others, else "D"
 * http_address     "host:port"
 * zmq_address      "host:port"  the connector's address
 * epoch            int64        differs for each start; higher for the later one of a process
 * engine_id        text         a name for logs
 * model            text
 * process          int64        process of the instance
 * role             text         kv_role, or "none" without a connector
 * version          text         KvLink's
 * kv_protocol      text         what the connector speaks with peers: see KvConnector.protocol
 * capabilities     list         the connector's, in small letters
 * queue, running   int          requests without and with KV memory
 * free_kv_tokens   int          tokens for which there is KV memory
 * draining         boolean
 * bye              boolean      only in a goodbye
 * </pre>
 *
 * @param http where it serves requests
 * @param epoch see above
 * @param process see above
 * @param engineId see above
 * @param model the served model
 * @param version see above
 * @param kvProtocol see above; empty without a connector
 * @param capabilities see above
 */
record Beat(
        HostPort http,
        long epoch,
        long process,
        String engineId,
        String model,
        String version,
        String kvProtocol,
        Set<KvCapability> capabilities) {

    private static final String PRODUCER = "kv_producer";
    private static final String BOTH = "kv_both";

    /** Bytes of the heartbeat of this moment. */
    byte[] pack(WorkerStatus status, boolean bye) {
        Optional<HostPort> kv = status.kvAddress();
        try (MessageBufferPacker out = MessagePack.newDefaultBufferPacker()) {
            out.packMapHeader(14 + (kv.isPresent() ? 1 : 0) + (bye ? 1 : 0));
            text(out, "type", type(status));
            text(out, "http_address", http.toString());
            if (kv.isPresent()) {
                text(out, "zmq_address", kv.get().toString());
            }
            number(out, "epoch", epoch);
            text(out, "engine_id", engineId);
            text(out, "model", model);
            number(out, "process", process);
            text(out, "role", status.role());
            text(out, "version", version);
            text(out, "kv_protocol", kvProtocol);
            texts(out, "capabilities", words());
            number(out, "queue", status.waiting());
            number(out, "running", status.running());
            number(out, "free_kv_tokens", status.freeTokens());
            flag(out, "draining", status.draining());
            if (bye) {
                flag(out, "bye", true);
            }
            return out.toByteArray();
        } catch (IOException cause) {
            throw new IllegalStateException("packing into memory", cause);
        }
    }

    /** Type that the proxy chooses by. Without a KV address it can only answer whole requests. */
    private static String type(WorkerStatus status) {
        boolean both = status.role().equals(BOTH) && status.kvAddress().isPresent();
        return both || status.role().equals(PRODUCER) ? "P" : "D";
    }

    private List<String> words() {
        return capabilities.stream()
                .sorted()
                .map(capability -> capability.name().toLowerCase(Locale.ROOT))
                .toList();
    }

    private static void text(MessageBufferPacker out, String key, String value) throws IOException {
        out.packString(key).packString(value);
    }

    private static void texts(MessageBufferPacker out, String key, List<String> values)
            throws IOException {
        out.packString(key).packArrayHeader(values.size());
        for (String value : values) {
            out.packString(value);
        }
    }

    private static void number(MessageBufferPacker out, String key, long value) throws IOException {
        out.packString(key).packLong(value);
    }

    private static void flag(MessageBufferPacker out, String key, boolean value)
            throws IOException {
        out.packString(key).packBoolean(value);
    }
}
