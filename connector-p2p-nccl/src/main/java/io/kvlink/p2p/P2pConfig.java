// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.planes.DataPlanes;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.Settings;
import java.util.List;
import java.util.function.Function;

/**
 * The connector's own settings: {@code kv_connector_extra_config}, checked.
 *
 * @param sendType {@code send_type}
 * @param ncclChannels {@code nccl_num_channels}; 0 leaves the choice to NCCL
 * @param poolBytes {@code mem_pool_size_gb} in bytes: upper limit of the host pool
 * @param dataPlane {@code data_plane}: a plane's name, or {@code auto}
 * @param transferTimeoutNs {@code transfer_timeout_s}: a transfer that takes longer has failed
 * @param handshakeTimeoutNs {@code handshake_timeout_s}: a peer that answers later isn't there
 * @param peerTimeoutNs {@code peer_timeout_s}: a peer that is silent for longer is lost
 * @param getLeaseNs {@code get_lease_s}: how long KV is kept to be fetched
 * @param unclaimedTtlNs {@code unclaimed_ttl_s}: how long KV is kept that no request has asked for
 */
public record P2pConfig(
        SendType sendType,
        int ncclChannels,
        long poolBytes,
        String dataPlane,
        long transferTimeoutNs,
        long handshakeTimeoutNs,
        long peerTimeoutNs,
        long getLeaseNs,
        long unclaimedTtlNs) {

    private static final double GIB = 1L << 30;
    // 2^43 GiB would overflow; a host with a million GiB has other problems.
    private static final double MAX_POOL_GIB = 1e6;

    /**
     * Reads and checks the settings.
     *
     * @param config the configuration whose {@code extra} nobody has read yet
     * @return the settings
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}, naming key, value and what is
     *     allowed
     */
    public static P2pConfig of(KvTransferConfig config) {
        Settings extra = config.extra();
        P2pConfig read =
                new P2pConfig(
                        extra.choice(
                                "send_type",
                                List.of(SendType.values()),
                                SendType::name,
                                SendType.PUT_ASYNC),
                        (int) extra.integer("nccl_num_channels", 0, 0, 32),
                        (long) (extra.number("mem_pool_size_gb", 32, 0, MAX_POOL_GIB) * GIB),
                        extra.choice(
                                "data_plane",
                                DataPlanes.settings(),
                                Function.identity(),
                                DataPlanes.AUTO),
                        seconds(extra, "transfer_timeout_s", 30),
                        seconds(extra, "handshake_timeout_s", 5),
                        peerTimeout(extra),
                        seconds(extra, "get_lease_s", 480),
                        seconds(extra, "unclaimed_ttl_s", 60));
        extra.refuseUnknown();
        return read;
    }

    // A PING goes out each second: less than three of them would lose peers that are well.
    private static long peerTimeout(Settings extra) {
        return Math.round(extra.number("peer_timeout_s", 10, 3, 86_400) * 1e9);
    }

    private static long seconds(Settings extra, String key, double absent) {
        return Math.round(extra.number(key, absent, 0.001, 86_400) * 1e9);
    }
}
