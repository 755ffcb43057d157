// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * A TCP address as text.
 *
 * @param host a name, an IPv4 address, or an IPv6 address without brackets
 * @param port 1 to 65535
 */
public record HostPort(String host, int port) {

    public HostPort {
        if (host.isEmpty() || host.length() > 255 || !host.matches("[A-Za-z0-9.:%_-]+")) {
            throw new KvConnectorException(
                    KvError.BAD_ROUTE, "host=" + host + "; expected a host name or an IP address");
        }
        if (port < 1 || port > 65535) {
            throw new KvConnectorException(
                    KvError.BAD_ROUTE, "port=" + port + "; expected 1..65535");
        }
    }

    /**
     * Parses {@code host:port} or {@code [ipv6]:port}.
     *
     * @param text the address
     * @return its parts
     * @throws KvConnectorException with {@link KvError#BAD_ROUTE} if it is neither
     */
    public static HostPort parse(String text) {
        int colon = text.lastIndexOf(':');
        if (colon <= 0 || colon == text.length() - 1 || text.length() - colon > 6) {
            throw new KvConnectorException(
                    KvError.BAD_ROUTE, "address=" + text + "; expected host:port");
        }
        String host = text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        }
        int port = 0;
        for (int i = colon + 1; i < text.length(); i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                throw new KvConnectorException(
                        KvError.BAD_ROUTE, "address=" + text + "; the port is no number");
            }
            port = port * 10 + digit;
        }
        return new HostPort(host, port);
    }

    /** {@code host:port}, with brackets around an IPv6 address. */
    @Override
    public String toString() {
        return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
    }
}
