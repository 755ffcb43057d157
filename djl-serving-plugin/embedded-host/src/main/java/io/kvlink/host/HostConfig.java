// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import io.kvlink.http.CorsSettings;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Model and address of an {@link EmbeddedHost}.
 *
 * @param modelDir holds serving.properties, the model's files, or both
 * @param host address to bind
 * @param port 0 takes any free one
 * @param options override what serving.properties says after {@code option.}
 * @param pluginFolder searched for jars; empty if plugins are on the class path only
 * @param cors for pages of other origins
 */
public record HostConfig(
        Path modelDir,
        String host,
        int port,
        Map<String, String> options,
        Optional<Path> pluginFolder,
        CorsSettings cors) {

    /** Makes a configuration without pages of another origin. */
    public HostConfig(
            Path modelDir,
            String host,
            int port,
            Map<String, String> options,
            Optional<Path> pluginFolder) {
        this(modelDir, host, port, options, pluginFolder, CorsSettings.NONE);
    }

    public HostConfig {
        options = Map.copyOf(options);
        if (port < 0 || port > 65535) {
            throw new HostException("port=" + port + "; expected 0..65535");
        }
        if (host.isEmpty()) {
            throw new HostException("host is empty; expected an address such as 127.0.0.1");
        }
    }
}
