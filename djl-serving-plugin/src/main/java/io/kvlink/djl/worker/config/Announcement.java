// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.config;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Proxies that are to know this instance, and where it serves requests.
 *
 * @param proxies [{@code proxy_ip}, {@code proxy_port}] where to send heartbeats; at least one
 * @param http [{@code http_port}] where proxies reach this instance
 */
public record Announcement(List<HostPort> proxies, HostPort http) {

    static final String PROXY_IP = "proxy_ip";
    static final String PROXY_PORT = "proxy_port";
    static final String HTTP_PORT = "http_port";

    static final List<String> KEYS = List.of(PROXY_IP, PROXY_PORT, HTTP_PORT);

    private static final Logger log = LoggerFactory.getLogger(Announcement.class);
    private static final int MAX_PROXIES = 16;

    public Announcement {
        proxies = List.copyOf(proxies);
    }

    /**
     * Settings of one place.
     *
     * @param where its name in messages
     * @param settings borrowed
     */
    record Place(String where, Settings settings) {

        static Place of(String where, Map<String, Object> values) {
            return new Place(where, Settings.of(where, values));
        }

        String text(String key) {
            return settings.text(key, "");
        }
    }

    /**
     * Reads the settings; others are left to the caller. Each key is taken from the place where it
     * is.
     *
     * @param one place of keys
     * @param other another one
     * @param host this instance's address for proxies
     * @return empty if the address or the port of a proxy is missing
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}, also if both places say a key
     *     and don't agree
     */
    static Optional<Announcement> of(Place one, Place other, String host) {
        Place addresses = place(PROXY_IP, one, other);
        Place ports = place(PROXY_PORT, one, other);
        Place https = place(HTTP_PORT, one, other);
        if (https.text(HTTP_PORT).isEmpty()) {
            https = addresses; // Where it is missed.
        }
        List<HostPort> proxies = proxies(addresses, ports);
        int http = httpPort(https.settings, !proxies.isEmpty());
        return proxies.isEmpty()
                ? Optional.empty()
                : Optional.of(new Announcement(proxies, reached(host, http)));
    }

    private static Place place(String key, Place one, Place other) {
        String first = one.text(key);
        String second = other.text(key);
        if (!first.isEmpty() && !second.isEmpty() && !first.equals(second)) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "%s.%s=%s %s.%s=%s; expected it in one place"
                            .formatted(one.where, key, first, other.where, key, second));
        }
        return second.isEmpty() ? one : other;
    }

    private static List<HostPort> proxies(Place addresses, Place ports) {
        String text = addresses.text(PROXY_IP);
        // The reference's default is an empty text, which isn't a number.
        int port =
                ports.text(PROXY_PORT).isEmpty()
                        ? 0
                        : (int) ports.settings.integer(PROXY_PORT, 0, 0, 65535);
        List<HostPort> proxies = new ArrayList<>();
        for (String address : text.split(",", -1)) {
            Optional<HostPort> proxy = proxy(address.trim(), port, addresses.where);
            proxy.ifPresent(proxies::add);
            if (proxy.isEmpty() && !address.isBlank()) {
                log.warn(
                        "{}.{}={} has no effect without {}",
                        addresses.where,
                        PROXY_IP,
                        address.trim(),
                        PROXY_PORT);
            }
        }
        if (proxies.size() > MAX_PROXIES) {
            throw refused(addresses.where, text, "at most " + MAX_PROXIES + " addresses");
        }
        return proxies;
    }

    private static HostPort reached(String host, int port) {
        try {
            return new HostPort(host, port);
        } catch (KvConnectorException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "kv_ip or http_ip=%s; expected a host name or an IP address".formatted(host),
                    cause);
        }
    }

    /** A host takes the common port; {@code host:port} has its own. */
    private static Optional<HostPort> proxy(String address, int port, String where) {
        try {
            if (hasPort(address)) {
                return Optional.of(HostPort.parse(address));
            }
            return address.isEmpty() || port == 0
                    ? Optional.empty()
                    : Optional.of(new HostPort(address, port));
        } catch (KvConnectorException cause) {
            throw refused(where, address, "host names or IP addresses");
        }
    }

    // More than one colon is an IPv6 address, unless it is in brackets.
    private static boolean hasPort(String address) {
        int colon = address.indexOf(':');
        return address.startsWith("[")
                || (colon >= 0 && colon == address.lastIndexOf(':') && !address.contains("/"));
    }

    private static int httpPort(Settings settings, boolean required) {
        String text =
                required ? settings.requiredText(HTTP_PORT, "20001") : settings.text(HTTP_PORT, "");
        return text.isEmpty() ? 0 : (int) settings.integer(HTTP_PORT, 0, required ? 1 : 0, 65535);
    }

    private static KvConnectorException refused(String where, String value, String expected) {
        return new KvConnectorException(
                KvError.BAD_CONFIG,
                "%s.%s=%s; expected %s".formatted(where, PROXY_IP, value, expected));
    }
}
