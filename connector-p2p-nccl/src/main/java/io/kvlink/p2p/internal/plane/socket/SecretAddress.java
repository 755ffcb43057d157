// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.socket;

import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Address of a listener, with the secret that opens its door: {@code host:port/<32 hexadecimal
 * digits>}. The host is an address in digits: looking a name up could block the device thread for
 * seconds.
 *
 * @param socketAddress where to connect to
 * @param secret what to show there
 */
public record SecretAddress(InetSocketAddress socketAddress, Token secret) {

    private static final String OCTET = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
    private static final Pattern IPV4 = Pattern.compile(OCTET + "(\\." + OCTET + "){3}");

    /** Reads an endpoint; empty for the endpoints of other planes and for nonsense. */
    public static Optional<SecretAddress> parse(String text) {
        int slash = text.indexOf('/');
        if (slash < 0) {
            return Optional.empty();
        }
        try {
            HostPort address = HostPort.parse(text.substring(0, slash));
            Token secret = Token.parse(text.substring(slash + 1));
            if (!IPV4.matcher(address.host()).matches() && address.host().indexOf(':') < 0) {
                return Optional.empty();
            }
            InetAddress digits = InetAddress.getByName(address.host());
            return Optional.of(
                    new SecretAddress(new InetSocketAddress(digits, address.port()), secret));
        } catch (KvConnectorException | IllegalArgumentException | UnknownHostException cause) {
            return Optional.empty();
        }
    }

    /** The text that {@link #parse} reads. */
    public String text() {
        HostPort address =
                new HostPort(socketAddress.getAddress().getHostAddress(), socketAddress.getPort());
        return address + "/" + secret.hex();
    }
}
