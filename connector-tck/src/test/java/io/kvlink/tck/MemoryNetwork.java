// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Meeting place of memory connectors: reachable ones, transfers under way, and transfers that
 * ended. Used by one thread, as all of the suite is.
 */
final class MemoryNetwork {

    final Fault fault;
    final TckClock clock;
    final FakeDevice device;
    private final Map<HostPort, MemoryConnector> live = new HashMap<>();
    private final Set<HostPort> everClosed = new HashSet<>();
    private final Map<TransferId, MemoryTransfer> transfers = new HashMap<>();
    private final Set<TransferId> ended = new HashSet<>();
    private int nextPort = 20_000;
    // Of transfers that nobody claimed.
    private final List<String> files = new ArrayList<>();
    // Of any transfer.
    Optional<byte[]> latestAttachment = Optional.empty();

    MemoryNetwork(Fault fault, TckClock clock, FakeDevice device) {
        this.fault = fault;
        this.clock = clock;
        this.device = device;
    }

    MemoryConnector open(KvTransferConfig config, KvConnectorContext context) {
        boolean push = config.extra().flag("push", true);
        long deadlineNs = config.extra().integer("deadline_ms", 0, 1, 600_000) * 1_000_000;
        long ttlNs = config.extra().integer("unclaimed_ttl_ms", 0, 1, 600_000) * 1_000_000;
        if (fault != Fault.IGNORES_UNKNOWN_SETTINGS) {
            config.extra().refuseUnknown();
        }
        int port = config.port() == 0 ? nextPort++ : config.port() + context.layout().rank();
        HostPort address = new HostPort(config.host(), port);
        if (live.containsKey(address) && fault != Fault.SHARES_A_TAKEN_PORT) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG, "kv_port=" + port + "; the port is taken");
        }
        MemoryConnector connector =
                new MemoryConnector(this, address, config, context, push, deadlineNs, ttlNs);
        live.put(address, connector);
        return connector;
    }

    boolean reaches(HostPort address) {
        return live.containsKey(address);
    }

    List<String> files() {
        return files;
    }

    void onExpired(MemoryTransfer transfer) {
        if (fault == Fault.LEAVES_FILES_OF_UNCLAIMED_KV) {
            files.add(transfer.id + ".kv");
        }
    }

    void join(MemorySide side) {
        if (fault == Fault.KEEPS_A_SOCKET_FOR_EACH_TRANSFER) {
            Leaks.leaveASocket();
        }
        TransferRoute route = side.request.route().orElseThrow();
        TransferId id = key(route.id());
        if (ended.contains(id)) {
            side.fail(KvError.NO_SUCH_TRANSFER, "transfer=" + id + " ended before");
        } else if (distrusts(Fault.DISTRUSTS_A_RESTARTED_PRODUCER, route.prefill())
                || distrusts(Fault.DISTRUSTS_A_RESTARTED_CONSUMER, route.decode())) {
            side.fail(KvError.PEER_RESTARTED, "transfer=" + id);
        } else if (fault == Fault.HAS_ROOM_FOR_TWENTY_TRANSFERS && transfers.size() >= 20) {
            side.fail(KvError.NO_SPACE, "transfers=" + transfers.size());
        } else {
            transfers.computeIfAbsent(id, any -> new MemoryTransfer(this, id, route)).join(side);
        }
    }

    /** True if a consumer's pool has taken the bytes of a transfer. */
    boolean pools(MemoryTransfer transfer, byte[][][] bytes) {
        MemoryConnector connector = live.get(transfer.route.decode());
        return connector != null && connector.pool.keeps(transfer, bytes, transfer.bytes());
    }

    void restore(MemoryTransfer transfer, byte[][][] bytes) {
        live.get(transfer.route.decode()).pool.restore(transfer, bytes);
    }

    void forget(MemoryTransfer transfer) {
        live.values().forEach(connector -> connector.pool.release(transfer));
        transfers.remove(transfer.id);
        ended.add(transfer.id);
    }

    void reap(long nowNs) {
        List.copyOf(transfers.values()).forEach(transfer -> transfer.reap(nowNs));
    }

    /** Bytes that wait for a consumer. */
    long pushedTo(HostPort consumer) {
        return transfers.values().stream()
                .filter(transfer -> transfer.buffered() && transfer.route.decode().equals(consumer))
                .mapToLong(MemoryTransfer::bytes)
                .sum();
    }

    boolean hasRoom(HostPort consumer, long bytes) {
        MemoryConnector connector = live.get(consumer);
        return connector != null && pushedTo(consumer) + bytes <= connector.bufferBytes();
    }

    /** Transfers whose end at this connector hasn't come. */
    int transfersOf(MemoryConnector connector) {
        return (int)
                transfers.values().stream()
                        .filter(transfer -> transfer.waitsFor(connector))
                        .count();
    }

    void close(MemoryConnector connector) {
        everClosed.add(connector.address().orElseThrow());
        for (MemoryTransfer transfer : new ArrayList<>(transfers.values())) {
            if (transfer.involves(connector)) {
                if (fault == Fault.CLOSES_IN_SILENCE) {
                    transfer.immortal = true;
                } else {
                    transfer.fail(
                            KvError.PEER_LOST,
                            "peer=" + connector.address().orElseThrow() + " closed");
                }
            }
        }
        live.remove(connector.address().orElseThrow());
    }

    private boolean distrusts(Fault distrust, HostPort address) {
        return fault == distrust && everClosed.contains(address) && live.containsKey(address);
    }

    private TransferId key(TransferId id) {
        return fault == Fault.TAKES_PROMPTS_FOR_ONE ? new TransferId(id.high(), id.low(), 0) : id;
    }
}
