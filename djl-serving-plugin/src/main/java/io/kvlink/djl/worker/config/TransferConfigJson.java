// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.config;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvTransferConfig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Reads the JSON text of {@code kv_transfer_config}. */
final class TransferConfigJson {

    // Numbers keep their digits: a double would round a large one.
    private static final Gson GSON =
            new GsonBuilder()
                    .setStrictness(Strictness.STRICT)
                    .setObjectToNumberStrategy(ToNumberPolicy.LAZILY_PARSED_NUMBER)
                    .create();

    private static final String SECTION = "kv_connector_extra_config";

    /** Name of the connector's settings in messages. */
    static final String WHERE = "kv_transfer_config." + SECTION;

    private TransferConfigJson() {}

    /**
     * Settings of a connector, without those that are the worker's.
     *
     * @param config for the connector
     * @param own the worker's keys that stood among the connector's settings
     */
    record Parsed(KvTransferConfig config, Map<String, Object> own) {}

    static Parsed parse(String json) {
        Map<String, Object> values;
        try {
            values = GSON.fromJson(json, new TypeToken<Map<String, Object>>() {});
        } catch (JsonParseException cause) {
            throw refused(json, position(cause), cause);
        }
        if (values == null) {
            throw refused(json, "there is nothing", null);
        }
        Map<String, Object> own = takeOwn(values);
        return new Parsed(KvTransferConfig.of(values), own);
    }

    /** Takes the worker's keys out of the connector's section. */
    private static Map<String, Object> takeOwn(Map<String, Object> values) {
        Map<String, Object> own = new LinkedHashMap<>();
        if (values.get(SECTION) instanceof Map<?, ?> section) {
            Map<String, @Nullable Object> rest = new LinkedHashMap<>();
            section.forEach((key, value) -> rest.put(String.valueOf(key), value));
            for (String key : Announcement.KEYS) {
                Object value = rest.remove(key);
                if (value != null) {
                    own.put(key, value instanceof List<?> list ? joined(key, list) : value);
                }
            }
            values.put(SECTION, rest);
        }
        return own;
    }

    /** A list of addresses as the text with commas that it may be, too. */
    private static String joined(String key, List<?> list) {
        boolean addresses = key.equals(Announcement.PROXY_IP);
        if (!addresses || !list.stream().allMatch(String.class::isInstance)) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "%s.%s=%s; expected %s"
                            .formatted(WHERE, key, list, addresses ? "texts" : "a number"));
        }
        return list.stream().map(String::valueOf).collect(Collectors.joining(","));
    }

    private static KvConnectorException refused(
            String json, String what, @Nullable Throwable cause) {
        return new KvConnectorException(
                KvError.BAD_CONFIG,
                "kv_transfer_config=%s; expected a JSON object: %s".formatted(json, what),
                cause);
    }

    // The innermost message says line, column and path; the outer ones repeat it with class names.
    private static String position(Throwable cause) {
        Throwable inner = cause;
        while (inner.getCause() != null) {
            inner = inner.getCause();
        }
        String message = String.valueOf(inner.getMessage());
        int hint = message.indexOf('\n');
        return hint < 0 ? message : message.substring(0, hint);
    }
}
