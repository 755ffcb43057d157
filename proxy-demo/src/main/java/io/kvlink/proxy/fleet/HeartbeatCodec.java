// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import static java.util.Map.entry;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessagePackException;
import org.msgpack.core.MessageUnpacker;
import org.msgpack.value.ValueType;

/** Reads heartbeats; no bytes make it throw. */
public final class HeartbeatCodec {

    public static final int MAX_BYTES = 4096;
    private static final int MAX_FIELDS = 64;
    private static final int MAX_KEY = 64;
    private static final int MAX_TEXT = 300;

    /** A heartbeat, or why the bytes aren't one. */
    public sealed interface Parsed permits Heartbeat, Refused {}

    /**
     * Bytes that are no heartbeat.
     *
     * @param kind one of a few words, so that each can be logged once
     * @param detail the facts
     */
    public record Refused(String kind, String detail) implements Parsed {}

    private static final Map<String, ValueType> TYPES =
            Map.ofEntries(
                    entry("type", ValueType.STRING),
                    entry("http_address", ValueType.STRING),
                    entry("zmq_address", ValueType.STRING),
                    entry("epoch", ValueType.INTEGER),
                    entry("process", ValueType.INTEGER),
                    entry("model", ValueType.STRING),
                    entry("role", ValueType.STRING),
                    entry("version", ValueType.STRING),
                    entry("kv_protocol", ValueType.STRING),
                    entry("capabilities", ValueType.ARRAY),
                    entry("queue", ValueType.INTEGER),
                    entry("running", ValueType.INTEGER),
                    entry("free_kv_tokens", ValueType.INTEGER),
                    entry("draining", ValueType.BOOLEAN),
                    entry("bye", ValueType.BOOLEAN));

    private HeartbeatCodec() {}

    /** Reads one frame. */
    public static Parsed decode(byte[] frame) {
        if (frame.length > MAX_BYTES) {
            return new Refused(
                    "too_long", "bytes=" + frame.length + "; expected at most " + MAX_BYTES);
        }
        try (MessageUnpacker unpacker = MessagePack.newDefaultUnpacker(frame)) {
            Map<String, Object> fields = fields(unpacker);
            if (unpacker.getTotalReadBytes() != frame.length) {
                throw new RefusedException(
                        "trailing_bytes",
                        "bytes follow the map at " + unpacker.getTotalReadBytes());
            }
            return heartbeat(fields);
        } catch (RefusedException refused) {
            return refused.refused;
        } catch (MessagePackException | IOException cause) {
            return new Refused("not_messagepack", String.valueOf(cause.getMessage()));
        }
    }

    private static Map<String, Object> fields(MessageUnpacker unpacker)
            throws IOException, RefusedException {
        if (!unpacker.hasNext() || unpacker.getNextFormat().getValueType() != ValueType.MAP) {
            throw new RefusedException("not_a_map", "expected one MessagePack map");
        }
        int count = unpacker.unpackMapHeader();
        if (count > MAX_FIELDS) {
            throw new RefusedException(
                    "too_many_fields", "fields=" + count + "; expected at most " + MAX_FIELDS);
        }
        Map<String, Object> fields = new HashMap<>();
        for (int i = 0; i < count; i++) {
            String key = text(unpacker, "key", MAX_KEY);
            Object value = value(unpacker, key);
            if (value != null && fields.put(key, value) != null) {
                throw new RefusedException("duplicate_field", "field=" + key + " is there twice");
            }
        }
        return fields;
    }

    /** The value of a known key; {@code null} for nil and for unknown keys. */
    private static @Nullable Object value(MessageUnpacker unpacker, String key)
            throws IOException, RefusedException {
        ValueType expected = TYPES.get(key);
        ValueType actual = unpacker.getNextFormat().getValueType();
        if (expected == null || actual == ValueType.NIL) {
            unpacker.skipValue();
            return null;
        }
        if (actual != expected) {
            throw wrong(key, actual, expected.toString());
        }
        return switch (actual) {
            case STRING -> text(unpacker, key, MAX_TEXT);
            case BOOLEAN -> unpacker.unpackBoolean();
            case ARRAY -> texts(unpacker, key);
            default -> whole(unpacker, key);
        };
    }

    private static List<String> texts(MessageUnpacker unpacker, String field)
            throws IOException, RefusedException {
        int count = unpacker.unpackArrayHeader();
        if (count > MAX_FIELDS) {
            throw wrong(field, count + " texts", "at most " + MAX_FIELDS);
        }
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            texts.add(text(unpacker, field, MAX_KEY));
        }
        return texts;
    }

    private static long whole(MessageUnpacker unpacker, String field)
            throws IOException, RefusedException {
        BigInteger number = unpacker.unpackBigInteger();
        if (number.bitLength() > 63) {
            throw wrong(field, number, "a signed 64-bit integer");
        }
        return number.longValue();
    }

    private static String text(MessageUnpacker unpacker, String field, int maxBytes)
            throws IOException, RefusedException {
        ValueType actual = unpacker.getNextFormat().getValueType();
        if (actual != ValueType.STRING) {
            throw wrong(field, actual, "a text");
        }
        // The peer's number is checked before it sizes a buffer.
        int bytes = unpacker.unpackRawStringHeader();
        if (bytes > maxBytes) {
            throw wrong(field, bytes + " bytes", "at most " + maxBytes + " bytes");
        }
        return new String(unpacker.readPayload(bytes), StandardCharsets.UTF_8);
    }

    private static Heartbeat heartbeat(Map<String, Object> fields) throws RefusedException {
        String letter = required(fields, "type");
        Role role =
                Role.ofLetter(letter).orElseThrow(() -> wrong("type", letter, "\"P\" or \"D\""));
        Instance instance =
                new Instance(
                        role,
                        address(fields, "http_address"),
                        control(fields),
                        number(fields, "epoch"),
                        number(fields, "process"),
                        line(fields, "model"),
                        reported(fields));
        boolean leaves =
                Boolean.TRUE.equals(fields.get("bye"))
                        || Boolean.TRUE.equals(fields.get("draining"));
        return new Heartbeat(instance, leaves);
    }

    private static Reported reported(Map<String, Object> fields) throws RefusedException {
        List<String> capabilities =
                fields.get("capabilities") instanceof List<?> list
                        ? list.stream().map(String::valueOf).toList()
                        : List.of();
        return new Reported(
                line(fields, "role"),
                line(fields, "version"),
                line(fields, "kv_protocol"),
                capabilities,
                amount(fields, "queue"),
                amount(fields, "running"),
                amount(fields, "free_kv_tokens"));
    }

    /** Instances that say their role may be without a connector, or with one that has no peers. */
    private static Optional<HostPort> control(Map<String, Object> fields) throws RefusedException {
        return fields.containsKey("role") && !fields.containsKey("zmq_address")
                ? Optional.empty()
                : Optional.of(address(fields, "zmq_address"));
    }

    private static String required(Map<String, Object> fields, String field)
            throws RefusedException {
        if (fields.get(field) instanceof String text) {
            return text;
        }
        throw new RefusedException("missing_" + field, "field=" + field + " is missing");
    }

    /** A text that may stand in log lines, so it has no line ends. */
    private static String line(Map<String, Object> fields, String field) throws RefusedException {
        String line = fields.get(field) instanceof String text ? text : "";
        if (line.chars().anyMatch(Character::isISOControl)) {
            throw wrong(field, "a control character", "none");
        }
        return line;
    }

    private static long number(Map<String, Object> fields, String field) {
        return fields.get(field) instanceof Long number ? number : 0;
    }

    private static HostPort address(Map<String, Object> fields, String field)
            throws RefusedException {
        String text = required(fields, field);
        try {
            return HostPort.parse(text);
        } catch (KvConnectorException cause) {
            throw wrong(field, text, "host:port");
        }
    }

    private static long amount(Map<String, Object> fields, String field) throws RefusedException {
        long amount = number(fields, field);
        if (amount < 0) {
            throw wrong(field, amount, "0 or more");
        }
        return amount;
    }

    private static RefusedException wrong(String field, Object value, String expected) {
        return new RefusedException(
                "bad_" + field, "%s=%s; expected %s".formatted(field, value, expected));
    }

    /** Leaves the parse from any depth; never seen outside. */
    private static final class RefusedException extends Exception {
        private final transient Refused refused;

        RefusedException(String kind, String detail) {
            super(detail, null, false, false);
            this.refused = new Refused(kind, detail);
        }
    }
}
