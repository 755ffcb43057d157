// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.config;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads a file that holds the proxy's settings as one JSON object. */
public final class ConfigFile {

    private static final Gson GSON =
            new GsonBuilder()
                    .setObjectToNumberStrategy(ToNumberPolicy.LAZILY_PARSED_NUMBER)
                    .setStrictness(Strictness.STRICT)
                    .create();

    private ConfigFile() {}

    /**
     * The settings in a file.
     *
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if it isn't readable JSON
     */
    public static Map<String, Object> read(Path file) {
        try {
            Map<String, Object> settings =
                    GSON.fromJson(Files.readString(file), new TypeToken<Map<String, Object>>() {});
            return settings == null ? new LinkedHashMap<>() : new LinkedHashMap<>(settings);
        } catch (IOException | JsonParseException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "config=%s; expected a file with one JSON object: %s"
                            .formatted(file, cause.getMessage()),
                    cause);
        }
    }
}
