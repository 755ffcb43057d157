// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.http.CorsSettings;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.helpers.NOPLogger;

/**
 * DJL Serving's configuration, {@code config.properties} and {@code SERVING_…} variables, as far as
 * the plugin needs it. Read by name: the plugin is compiled without DJL Serving, and the embedded
 * host has none.
 */
final class ServerConfig {

    /** Key of the address of the surface's own port: {@code host:port}. */
    static final String OWN_ADDRESS = "kvlink_address";

    private static final Logger log = LoggerFactory.getLogger(ServerConfig.class);
    private static final String ACCESS_LOG = "ACCESS_LOG";
    private static final String SERVER_CLASS = "ai.djl.serving.util.ConfigManager";
    private static final Pattern ADDRESS =
            Pattern.compile("(?:http://)?\\[?([^/\\s\\[\\]]+)]?:(\\d{1,5})/?");
    private static final String DEFAULT_ADDRESS = "http://127.0.0.1:8080";

    private final String className;

    ServerConfig() {
        this(SERVER_CLASS);
    }

    ServerConfig(String className) {
        this.className = className;
    }

    /** DJL Serving's log of requests; one that writes nothing elsewhere. */
    Logger accessLog() {
        return isServer() ? LoggerFactory.getLogger(ACCESS_LOG) : NOPLogger.NOP_LOGGER;
    }

    /** True if this process is a DJL Serving. */
    boolean isServer() {
        try {
            Class<?> unused = Class.forName(className, false, ServerConfig.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException notDjlServing) {
            return false;
        }
    }

    /**
     * The address that the operator gave the surface, if any.
     *
     * @return unresolved; port 0 means any free one
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if it is no address
     */
    Optional<InetSocketAddress> ownAddress() {
        return property(OWN_ADDRESS)
                .map(String::trim)
                .filter(text -> !text.isEmpty())
                .map(ServerConfig::address);
    }

    private static InetSocketAddress address(String text) {
        Matcher parts = ADDRESS.matcher(text);
        int port = parts.matches() ? Integer.parseInt(parts.group(2)) : -1;
        if (port < 0 || port > 65_535) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "%s=%s; expected host:port, such as 127.0.0.1:8081"
                            .formatted(OWN_ADDRESS, text));
        }
        return InetSocketAddress.createUnresolved(parts.group(1), port);
    }

    /** DJL Serving's own settings for pages of other origins. */
    CorsSettings cors() {
        return CorsSettings.of(
                property("cors_allowed_origin").orElse(""),
                property("cors_allowed_methods").orElse(""),
                property("cors_allowed_headers").orElse(""));
    }

    /** Says it, if clients that ask the inference address wouldn't reach the surface. */
    void warnOfSeparateAddresses() {
        String inference = property("inference_address").orElse(DEFAULT_ADDRESS);
        String management = property("management_address").orElse(DEFAULT_ADDRESS);
        if (!inference.equals(management) && ownAddress().isEmpty()) {
            log.warn(
                    "inference_address={} management_address={}; /v1/completions answers on the"
                            + " latter only; make them equal, or set {}=host:port",
                    inference,
                    management,
                    OWN_ADDRESS);
        }
    }

    private Optional<String> property(String key) {
        try {
            Class<?> type = Class.forName(className);
            Object config = type.getMethod("getInstance").invoke(null);
            if (config == null) {
                return Optional.empty();
            }
            Object value =
                    type.getMethod("getProperty", String.class, String.class)
                            .invoke(config, key, "");
            return Optional.of(String.valueOf(value)).filter(text -> !text.isBlank());
        } catch (ClassNotFoundException notDjlServing) {
            return Optional.empty();
        } catch (ReflectiveOperationException cause) {
            log.warn("class={} is not that of DJL Serving 0.36; {} is not read", className, key);
            return Optional.empty();
        }
    }
}
