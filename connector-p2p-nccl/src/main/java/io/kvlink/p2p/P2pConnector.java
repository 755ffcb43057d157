// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.control.FrameCodec;
import io.kvlink.p2p.internal.control.ZmqTransport;
import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.engine.TransferEngine;
import io.kvlink.p2p.internal.memory.DeviceArena;
import io.kvlink.p2p.internal.memory.HostBudget;
import io.kvlink.p2p.internal.memory.KvBuffer;
import io.kvlink.p2p.internal.memory.ReceiveBuffer;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneConfig;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneConfig;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.Availability;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferOutcome;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connector at work: memory, transport, planes, threads, and the two halves over them. */
final class P2pConnector implements KvConnector {

    private static final Logger logger = LoggerFactory.getLogger(P2pConnector.class);
    private static final SecureRandom RANDOM = new SecureRandom();

    // Of the instance, as it stands in routes.
    private final HostPort address;
    private final Set<KvCapability> capabilities;
    // Null without a GPU.
    private final @Nullable CudaDevice device;
    private final long arenaBytes;
    private final @Nullable HostPool pool;
    private final TransferMemory memory;
    private final List<DataPlane> planes;
    private final TransferStats stats = new TransferStats();
    private final TransferEngine engine;
    private final P2pScheduler scheduler;
    private final P2pWorker worker;
    // In the order of opening.
    private final List<AutoCloseable> closeables;
    private final AtomicBoolean closed = new AtomicBoolean();

    private P2pConnector(
            KvTransferConfig config,
            P2pConfig p2p,
            KvConnectorContext context,
            DevicesAndPlanes machine,
            List<AutoCloseable> opened) {
        capabilities = capabilities(p2p.sendType());
        boolean holdsKv = config.role().consumes() || p2p.sendType() == SendType.GET;
        device = context.device().map(named -> machine.openDevice(named.ordinal())).orElse(null);
        if (device != null) {
            opened.add(device);
        }
        HostBudget host = HostBudget.ofProcess();
        KvBuffer buffer = buffer(device, holdsKv ? config.bufferBytes() : 0, host);
        opened.add(buffer);
        pool = holdsKv ? pool(p2p, context, device, host) : null;
        if (pool != null) {
            opened.add(pool);
        }
        memory = new TransferMemory(buffer, pool);
        arenaBytes = buffer instanceof DeviceArena ? buffer.budgetBytes() : 0;
        KvMover mover = mover(device, context);
        opened.add(mover);
        if (context.groups().size() > FrameCodec.MAX_GROUPS) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "groups=%d max=%d".formatted(context.groups().size(), FrameCodec.MAX_GROUPS));
        }
        KvLayout layout = context.groups().get(0).layout();
        ZmqTransport transport = new ZmqTransport(config.host(), port(config, layout));
        opened.add(transport);
        HostPort own = transport.address();
        address = new HostPort(own.host(), own.port() - layout.rank());
        TcpPlaneConfig tcp = TcpPlaneConfig.usual(config.host(), 0, config.host());
        Optional<GpuPlaneConfig> gpu = gpu(device, config, p2p, buffer);
        planes = machine.openPlanes(tcp, gpu, p2p.dataPlane());
        opened.addAll(planes);
        long epoch = System.currentTimeMillis() << 10 | RANDOM.nextInt(1 << 10);
        String engineId =
                config.engineId().isEmpty() ? "kvlink-" + address.port() : config.engineId();
        Frame.Identity self =
                new Frame.Identity(
                        engineId,
                        epoch,
                        own,
                        context.groups(),
                        context.prefillChunk(),
                        planes.stream()
                                .map(plane -> new Frame.Plane(plane.name(), plane.endpoint()))
                                .toList());
        Queue<TransferOutcome> sent = new ConcurrentLinkedQueue<>();
        engine =
                new TransferEngine(
                        transport,
                        self,
                        planes,
                        limits(p2p),
                        memory,
                        stats,
                        outcome -> {
                            sent.add(outcome);
                            context.wakeup().run();
                        },
                        context.wakeup());
        // From here on the engine closes what it took.
        opened.remove(transport);
        opened.removeAll(planes);
        opened.add(engine);
        P2pRequests requests = new P2pRequests(config.role(), address);
        scheduler =
                new P2pScheduler(
                        requests, engine.control(), context.groups(), context.prefillChunk());
        worker = new P2pWorker(requests, engine.control(), context, memory, mover, p2p, sent);
        opened.add(worker);
        closeables = List.copyOf(opened);
        logger.info("connector engine={} address={} epoch={}", engineId, address, epoch);
        logger.debug("connector engine={} settings={}", engineId, p2p);
    }

    /** Opens all parts; if one fails, closes those before it. */
    static P2pConnector open(
            KvTransferConfig config,
            P2pConfig p2p,
            KvConnectorContext context,
            DevicesAndPlanes machine) {
        List<AutoCloseable> opened = new ArrayList<>();
        try {
            return new P2pConnector(config, p2p, context, machine, opened);
        } catch (RuntimeException failure) {
            RuntimeException suppressed = closeAll(opened);
            if (suppressed != null) {
                failure.addSuppressed(suppressed);
            }
            throw failure;
        }
    }

    @Override
    public KvScheduler scheduler() {
        return scheduler;
    }

    @Override
    public KvWorker worker() {
        return worker;
    }

    private static Set<KvCapability> capabilities(SendType sendType) {
        Set<KvCapability> all =
                EnumSet.of(
                        KvCapability.PEERS,
                        KvCapability.BOTH_ROLES,
                        KvCapability.CHUNKED_PREFILL,
                        KvCapability.LOAD_BEHIND_PREFIX,
                        KvCapability.ATTACHMENTS);
        if (sendType != SendType.GET) {
            all.add(KvCapability.PUSH);
        }
        return Collections.unmodifiableSet(all);
    }

    @Override
    public Set<KvCapability> capabilities() {
        return capabilities;
    }

    @Override
    public Optional<HostPort> address() {
        return Optional.of(address);
    }

    @Override
    public KvLedger ledger() {
        return KvLedger.builder()
                .bufferBytes(memory.bufferBytes())
                .poolBytes(memory.poolBytes())
                .leases(memory.leases())
                .transfers(engine.control().transfers())
                .peers(engine.control().peers())
                .build();
    }

    @Override
    public List<KvMetric> metrics() {
        KvLedger ledger = ledger();
        List<KvMetric> metrics = new ArrayList<>(stats.metrics());
        metrics.add(gauge("buffer_bytes", "KV bytes in kv_buffer_size.", ledger.bufferBytes()));
        metrics.add(gauge("pool_bytes", "KV bytes in the host pool.", ledger.poolBytes()));
        if (device != null) {
            metrics.add(gauge("arena_bytes", "Device memory of kv_buffer_size.", arenaBytes));
            metrics.add(
                    gauge(
                            "pinned_bytes",
                            "Page-locked host memory of the pool.",
                            pool == null ? 0 : pool.reservedBytes()));
        }
        planes.forEach(plane -> metrics.addAll(plane.metrics()));
        metrics.add(gauge("leases", "Leases of either.", ledger.leases()));
        metrics.add(gauge("transfers_open", "Transfers that have not ended.", ledger.transfers()));
        metrics.add(
                gauge("peers", "Live sessions with peers, up to two with each.", ledger.peers()));
        return metrics;
    }

    @Override
    public Availability health() {
        if (closed.get()) {
            return Availability.missing("connector=" + address + " is closed");
        }
        return engine.fault()
                .map(fault -> Availability.missing("connector=" + address + " " + fault))
                .orElseGet(Availability::usable);
    }

    @Override
    public String protocol() {
        return P2pNcclConnectorProvider.NAME + "/" + Frame.PROTOCOL;
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            RuntimeException failure = closeAll(closeables);
            if (failure != null) {
                throw failure;
            }
        }
    }

    // Each rank has the instance's port plus its number.
    private static int port(KvTransferConfig config, KvLayout layout) {
        if (config.port() == 0 && layout.ranks() > 1) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "kv_port=0 ranks=%d; each rank listens on kv_port plus its number"
                            .formatted(layout.ranks()));
        }
        if (config.port() + layout.ranks() - 1 > Frame.MAX_PORT) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "kv_port=%d ranks=%d; there is no port for the last rank"
                            .formatted(config.port(), layout.ranks()));
        }
        return config.port() == 0 ? 0 : config.port() + layout.rank();
    }

    private static KvMetric gauge(String name, String help, long value) {
        return KvMetric.gauge(name, help, Map.of(), (double) value);
    }

    private static KvBuffer buffer(@Nullable CudaDevice device, long bytes, HostBudget host) {
        if (device == null) {
            return new ReceiveBuffer(host.take("kv_buffer_size", bytes));
        }
        return bytes == 0 ? new ReceiveBuffer(0) : new DeviceArena(device, bytes);
    }

    private static KvMover mover(@Nullable CudaDevice device, KvConnectorContext context) {
        return device == null
                ? new HostMover()
                : new DeviceMover(device, context.device().orElseThrow());
    }

    private static Optional<GpuPlaneConfig> gpu(
            @Nullable CudaDevice device, KvTransferConfig config, P2pConfig p2p, KvBuffer buffer) {
        if (device == null) {
            return Optional.empty();
        }
        MemoryRegion arena = buffer instanceof DeviceArena received ? received.region() : null;
        return Optional.of(new GpuPlaneConfig(device, config.host(), arena, p2p.ncclChannels()));
    }

    private static @Nullable HostPool pool(
            P2pConfig p2p,
            KvConnectorContext context,
            @Nullable CudaDevice device,
            HostBudget host) {
        if (p2p.poolBytes() == 0) {
            return null;
        }
        if (context.hostPools().isEmpty()) {
            logger.debug("hostPool=none; KV in flight must fit into kv_buffer_size");
            return null;
        }
        long bytes = host.take("mem_pool_size_gb in bytes", p2p.poolBytes());
        HostPoolConfig config =
                device == null
                        ? HostPoolConfig.of(bytes, MemoryKind.DIRECT)
                        : HostPoolConfig.pinned(bytes, device.pageLocker());
        return context.hostPools().get().create(config);
    }

    private static TransferLimits limits(P2pConfig p2p) {
        return new TransferLimits(
                p2p.transferTimeoutNs(),
                p2p.handshakeTimeoutNs(),
                p2p.peerTimeoutNs(),
                p2p.getLeaseNs(),
                p2p.unclaimedTtlNs());
    }

    private static @Nullable RuntimeException closeAll(List<AutoCloseable> opened) {
        Deque<AutoCloseable> stack = new ArrayDeque<>();
        opened.forEach(stack::push);
        RuntimeException first = null;
        for (AutoCloseable closeable : stack) {
            try {
                closeable.close();
            } catch (Exception failure) {
                if (first == null) {
                    first = new IllegalStateException("closing the connector", failure);
                } else {
                    first.addSuppressed(failure);
                }
            }
        }
        return first;
    }
}
