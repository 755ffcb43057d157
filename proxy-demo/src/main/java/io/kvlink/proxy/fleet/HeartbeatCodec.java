// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
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

    private static final Map<String, ValueType> SCALARS =
            Map.of(
                    "type", ValueType.STRING,
                    "http_address", ValueType.STRING,
                    "zmq_address", ValueType.STRING,
                    "epoch", ValueType.INTEGER,
                    "process", ValueType.INTEGER,
                    "model", ValueType.STRING,
                    "load", ValueType.FLOAT,
                    "capacity", ValueType.FLOAT,
                    "bye", ValueType.BOOLEAN);

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
        ValueType expected = SCALARS.get(key);
        ValueType actual = unpacker.getNextFormat().getValueType();
        if (expected == null || actual == ValueType.NIL) {
            unpacker.skipValue();
            return null;
        }
        boolean wholeForNumber = expected == ValueType.FLOAT && actual == ValueType.INTEGER;
        if (actual != expected && !wholeForNumber) {
            throw wrong(key, actual, expected.toString());
        }
        return switch (actual) {
            case STRING -> text(unpacker, key, MAX_TEXT);
            case BOOLEAN -> unpacker.unpackBoolean();
            case INTEGER -> {
                // Not a conditional expression: that would turn the whole number into a double.
                if (wholeForNumber) {
                    yield unpacker.unpackBigInteger().doubleValue();
                }
                yield whole(unpacker, key);
            }
            default -> unpacker.unpackDouble();
        };
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
                        address(fields, "zmq_address"),
                        fields.get("epoch") instanceof Long epoch ? epoch : 0,
                        fields.get("process") instanceof Long process ? process : 0,
                        model(fields),
                        amount(fields, "load"),
                        amount(fields, "capacity"));
        return new Heartbeat(instance, Boolean.TRUE.equals(fields.get("bye")));
    }

    private static String required(Map<String, Object> fields, String field)
            throws RefusedException {
        if (fields.get(field) instanceof String text) {
            return text;
        }
        throw new RefusedException("missing_" + field, "field=" + field + " is missing");
    }

    /** A name stands in log lines, so it has no line ends. */
    private static String model(Map<String, Object> fields) throws RefusedException {
        String model = fields.get("model") instanceof String text ? text : "";
        if (model.chars().anyMatch(Character::isISOControl)) {
            throw wrong("model", "a control character", "none");
        }
        return model;
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

    private static double amount(Map<String, Object> fields, String field) throws RefusedException {
        if (!(fields.get(field) instanceof Double amount)) {
            return 0;
        }
        if (!(amount >= 0) || amount.isInfinite()) {
            throw wrong(field, amount, "a number, 0 or more");
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
