// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * A model's serving.properties with the overrides of a command line.
 *
 * @param engine DJL's name of the engine
 * @param options what to load the model with
 */
record ServingProperties(String engine, Map<String, String> options) {

    private static final String FILE = "serving.properties";
    private static final String DEFAULT_ENGINE = "KvLink";
    private static final String OPTION = "option.";

    /**
     * Reads the file, if there is one.
     *
     * @param modelDir where it is
     * @param overrides options, with or without the prefix {@code option.}
     * @throws HostException if the directory isn't there or the file can't be read
     */
    static ServingProperties read(Path modelDir, Map<String, String> overrides) {
        if (!Files.isDirectory(modelDir)) {
            throw new HostException("model-dir=" + modelDir + " is no directory");
        }
        Properties file = load(modelDir.resolve(FILE));
        Map<String, String> options = new TreeMap<>();
        for (String key : file.stringPropertyNames()) {
            if (key.startsWith(OPTION)) {
                options.put(key.substring(OPTION.length()), file.getProperty(key).trim());
            }
        }
        overrides.forEach((key, value) -> options.put(bare(key), value));
        return new ServingProperties(file.getProperty("engine", DEFAULT_ENGINE).trim(), options);
    }

    /** Copy of the properties with the port in place of {@code ${http_port}}. */
    ServingProperties withPort(int port) {
        Map<String, String> filled = new TreeMap<>(options);
        filled.replaceAll((key, value) -> value.replace("${http_port}", Integer.toString(port)));
        return new ServingProperties(engine, filled);
    }

    private static Properties load(Path path) {
        Properties properties = new Properties();
        if (Files.exists(path)) {
            try (Reader reader = Files.newBufferedReader(path)) {
                properties.load(reader);
            } catch (IOException | IllegalArgumentException cause) {
                throw new HostException(path + " can't be read: " + cause.getMessage(), cause);
            }
        }
        return properties;
    }

    private static String bare(String key) {
        return key.startsWith(OPTION) ? key.substring(OPTION.length()) : key;
    }
}
