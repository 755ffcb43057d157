// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.options;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Options that the user wrote, as opposed to those that DJL Serving adds by itself.
 *
 * @param keys of {@code serving.properties} and of the environment, without prefix
 * @param bare lines of {@code serving.properties} without {@code option.} that name an option of
 *     LMI
 * @param all true where nobody adds any: every option was written then
 */
record WrittenOptions(Set<String> keys, Map<String, String> bare, boolean all) {

    private static final String FILE = "serving.properties";
    private static final String OPTION = "option.";
    private static final String VARIABLE = "OPTION_";
    // DJL Serving leaves other names as they are.
    private static final Pattern SNAKE_CASE = Pattern.compile("[A-Z_\\d]+");
    // LMI's variables without the prefix.
    private static final Map<String, String> VARIABLES =
            Map.of(
                    "TENSOR_PARALLEL_DEGREE", LmiOptions.TENSOR_PARALLEL,
                    "PIPELINE_PARALLEL_DEGREE", LmiOptions.PIPELINE_PARALLEL);

    /**
     * Reads what there is.
     *
     * @param modelDir as DJL names it; may be without {@code serving.properties}
     * @param environment of the process
     * @param all whether nobody else adds options
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if the file can't be read, or
     *     says one thing twice
     */
    static WrittenOptions read(Path modelDir, Map<String, String> environment, boolean all) {
        Set<String> keys = new TreeSet<>();
        Map<String, String> bare = new TreeMap<>();
        Properties file = load(modelDir.resolve(FILE));
        for (String key : file.stringPropertyNames()) {
            if (key.startsWith(OPTION)) {
                keys.add(key.substring(OPTION.length()));
            } else if (LmiOptions.knows(key)) {
                bare.put(key, file.getProperty(key));
                requireEqual(key, file);
            }
        }
        keys.addAll(bare.keySet());
        environment.forEach(
                (name, value) -> {
                    if (name.startsWith(VARIABLE) && !value.isEmpty()) {
                        keys.add(keyOf(name.substring(VARIABLE.length())));
                    } else if (VARIABLES.containsKey(name)) {
                        keys.add(VARIABLES.get(name));
                    }
                });
        return new WrittenOptions(Set.copyOf(keys), Map.copyOf(bare), all);
    }

    boolean has(String key) {
        return all || keys.contains(key);
    }

    private static String keyOf(String variable) {
        String key =
                SNAKE_CASE.matcher(variable).matches()
                        ? variable.toLowerCase(Locale.ROOT)
                        : variable;
        return key.equals("entrypoint") ? "entryPoint" : key;
    }

    private static void requireEqual(String key, Properties file) {
        String prefixed = file.getProperty(OPTION + key);
        if (prefixed != null && !prefixed.trim().equals(file.getProperty(key).trim())) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "%s has %s=%s and option.%s=%s; write option.%s only"
                            .formatted(FILE, key, file.getProperty(key), key, prefixed, key));
        }
    }

    private static Properties load(Path path) {
        Properties properties = new Properties();
        if (Files.isRegularFile(path)) {
            try (InputStream in = Files.newInputStream(path)) {
                properties.load(in);
            } catch (IOException | IllegalArgumentException cause) {
                throw new KvConnectorException(
                        KvError.BAD_CONFIG,
                        "%s can't be read: %s".formatted(path, cause.getMessage()),
                        cause);
            }
        }
        return properties;
    }
}
