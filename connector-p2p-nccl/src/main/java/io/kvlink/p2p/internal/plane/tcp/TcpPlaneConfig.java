// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.concurrent.TimeUnit;

/**
 * Settings of a {@link TcpPlane}: where it listens, and where its patience ends.
 *
 * @param bindHost the address to listen on, as a name or in digits
 * @param bindPort the port to listen on, 0 for any
 * @param advertisedHost the host that peers are told; empty: the address listened on
 * @param maxPieceBytes no piece is longer, coming or going
 * @param maxConnections how many senders may be connected at a time
 * @param maxStrangers how many may be connected that haven't shown the secret yet
 * @param preambleTimeoutNs how long one of these may take to show it
 * @param connectTimeoutNs how long a peer may take to accept a connection
 * @param stallTimeoutNs how long a frame under way may stand still
 */
public record TcpPlaneConfig(
        String bindHost,
        int bindPort,
        String advertisedHost,
        long maxPieceBytes,
        int maxConnections,
        int maxStrangers,
        long preambleTimeoutNs,
        long connectTimeoutNs,
        long stallTimeoutNs) {

    public TcpPlaneConfig {
        require(!bindHost.isEmpty(), "bindHost", bindHost, "a host name or an IP address");
        require(bindPort >= 0 && bindPort < 65536, "bindPort", bindPort, "0..65535");
        // A region of host memory is a ByteBuffer, so no destination is longer than an int.
        require(
                maxPieceBytes > 0 && maxPieceBytes <= Integer.MAX_VALUE,
                "maxPieceBytes",
                maxPieceBytes,
                "1..2147483647");
        require(maxConnections > 0, "maxConnections", maxConnections, "at least 1");
        require(maxStrangers > 0, "maxStrangers", maxStrangers, "at least 1");
        require(preambleTimeoutNs > 0, "preambleTimeoutNs", preambleTimeoutNs, "at least 1");
        require(connectTimeoutNs > 0, "connectTimeoutNs", connectTimeoutNs, "at least 1");
        require(stallTimeoutNs > 0, "stallTimeoutNs", stallTimeoutNs, "at least 1");
    }

    /**
     * The usual settings.
     *
     * @param bindHost the address to listen on, as a name or in digits
     * @param bindPort the port to listen on, 0 for any
     * @param advertisedHost the host that peers are told; empty: the address listened on
     */
    public static TcpPlaneConfig usual(String bindHost, int bindPort, String advertisedHost) {
        return new TcpPlaneConfig(
                bindHost,
                bindPort,
                advertisedHost,
                1L << 30,
                1024,
                64,
                TimeUnit.SECONDS.toNanos(5),
                TimeUnit.SECONDS.toNanos(5),
                TimeUnit.SECONDS.toNanos(30));
    }

    private static void require(boolean ok, String key, Object value, String allowed) {
        if (!ok) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG, "tcp.%s=%s; expected %s".formatted(key, value, allowed));
        }
    }
}
