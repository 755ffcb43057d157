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
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the JSON text of {@code kv_transfer_config}. */
final class TransferConfigJson {

    // Numbers keep their digits: a double would round a large one.
    private static final Gson GSON =
            new GsonBuilder()
                    .setStrictness(Strictness.STRICT)
                    .setObjectToNumberStrategy(ToNumberPolicy.LAZILY_PARSED_NUMBER)
                    .create();

    private TransferConfigJson() {}

    static KvTransferConfig parse(String json) {
        Map<String, Object> values;
        try {
            values = GSON.fromJson(json, new TypeToken<Map<String, Object>>() {});
        } catch (JsonParseException cause) {
            throw refused(json, position(cause), cause);
        }
        if (values == null) {
            throw refused(json, "there is nothing", null);
        }
        return KvTransferConfig.of(values);
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
