// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.config;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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

    private static final int MAX_PROXIES = 16;

    public Announcement {
        proxies = List.copyOf(proxies);
    }

    /**
     * Reads the settings; others are left to the caller.
     *
     * @param settings borrowed
     * @param where name of the settings in messages
     * @param host this instance's address for proxies
     * @return empty if the address or the port of a proxy is missing
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}
     */
    static Optional<Announcement> of(Settings settings, String where, String host) {
        String addresses = settings.text(PROXY_IP, "");
        // The reference's default is an empty text, which isn't a number.
        int port =
                settings.text(PROXY_PORT, "").isEmpty()
                        ? 0
                        : (int) settings.integer(PROXY_PORT, 0, 0, 65535);
        List<HostPort> proxies = new ArrayList<>();
        for (String address : addresses.split(",", -1)) {
            proxy(address.trim(), port, where).ifPresent(proxies::add);
        }
        if (proxies.size() > MAX_PROXIES) {
            throw refused(where, addresses, "at most " + MAX_PROXIES + " addresses");
        }
        int http = httpPort(settings, !proxies.isEmpty());
        return proxies.isEmpty()
                ? Optional.empty()
                : Optional.of(new Announcement(proxies, reached(host, http)));
    }

    /** Copy with another host at which proxies reach this instance. */
    Announcement at(String host) {
        return new Announcement(proxies, reached(host, http.port()));
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
