// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.Availability;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvEvent;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryKind;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One instance's kept blocks: their memory, their index, and the two halves. */
final class OffloadingConnector implements KvConnector {

    private static final Logger log = LoggerFactory.getLogger(OffloadingConnector.class);
    private static final Set<KvCapability> CAPABILITIES =
            Set.of(
                    KvCapability.STORE,
                    KvCapability.BOTH_ROLES,
                    KvCapability.CHUNKED_PREFILL,
                    KvCapability.LOAD_BEHIND_PREFIX,
                    KvCapability.GENERATED_TOKENS,
                    KvCapability.KV_EVENTS);

    private final KvCopier copier;
    private final BlockMemory memory;
    private final BlockIndex index;
    private final OffloadFigures figures = new OffloadFigures();
    private final OffloadScheduler scheduler;
    private final OffloadWorker worker;
    private final AtomicBoolean closed = new AtomicBoolean();

    private OffloadingConnector(
            OffloadConfig config, KvLayout layout, KvCopier copier, BlockMemory memory) {
        this.copier = copier;
        this.memory = memory;
        int size = config.blockTokens();
        index = new BlockIndex(memory, size, figures);
        Map<String, OffloadedRequest> requests = new ConcurrentHashMap<>();
        scheduler =
                new OffloadScheduler(
                        requests,
                        request -> new OffloadedRequest(request, layout.model(), size, index));
        worker = new OffloadWorker(requests, index, layout, size, copier, figures);
    }

    /**
     * Opens a connector.
     *
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}, or with {@link
     *     KvError#UNAVAILABLE} if there is no such device; nothing is left open
     */
    static OffloadingConnector open(OffloadConfig config, KvConnectorContext context) {
        if (context.hostPools().isEmpty()) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "hostPools=none kv_connector=%s; put the jar kvlink-tensor-pool beside it"
                            .formatted(OffloadingConnectorProvider.NAME));
        }
        return context.device().isEmpty()
                ? open(
                        config,
                        context,
                        HostPoolConfig.of(config.cpuBytes(), MemoryKind.DIRECT),
                        new HostCopier())
                : open(config, context, GpuCopyDevice.open(context.device().get().ordinal()));
    }

    /** Opens a connector for an engine on a device, which it closes. */
    static OffloadingConnector open(
            OffloadConfig config, KvConnectorContext context, CopyDevice device) {
        HostPoolConfig pinned = HostPoolConfig.pinned(config.cpuBytes(), device.pageLocker());
        return open(config, context, pinned, copier(device, context.device().orElseThrow()));
    }

    private static KvCopier copier(CopyDevice device, KvDevice engine) {
        try {
            return new DeviceCopier(device, engine);
        } catch (RuntimeException refused) {
            device.close();
            throw refused;
        }
    }

    private static OffloadingConnector open(
            OffloadConfig config,
            KvConnectorContext context,
            HostPoolConfig wanted,
            KvCopier copier) {
        try {
            KvLayout layout = context.layout();
            long blockBytes = layout.layers() * layout.layerBytes(config.blockTokens());
            BlockMemory memory =
                    new BlockMemory(
                            pool(context, wanted, blockBytes, config.blockTokens()), blockBytes);
            log.info(
                    "offload cpuBytes={} blockTokens={} blockBytes={} kind={}",
                    config.cpuBytes(),
                    config.blockTokens(),
                    blockBytes,
                    wanted.kind());
            return new OffloadingConnector(config, layout, copier, memory);
        } catch (RuntimeException refused) {
            copier.close();
            throw refused;
        }
    }

    private static HostPool pool(
            KvConnectorContext context, HostPoolConfig wanted, long blockBytes, int blockTokens) {
        HostPool pool = context.hostPools().orElseThrow().create(wanted);
        if (pool.capacity(blockBytes) > 0) {
            return pool;
        }
        pool.close();
        throw new KvConnectorException(
                KvError.BAD_CONFIG,
                "cpu_bytes_to_use=%d block_tokens=%d; expected room for a block of %d bytes"
                        .formatted(wanted.maxBytes(), blockTokens, blockBytes));
    }

    @Override
    public KvScheduler scheduler() {
        return scheduler;
    }

    @Override
    public KvWorker worker() {
        return worker;
    }

    @Override
    public Set<KvCapability> capabilities() {
        return CAPABILITIES;
    }

    @Override
    public Optional<HostPort> address() {
        return Optional.empty();
    }

    /** Blocks that a request loads or a step saves; those that only wait for a request aren't. */
    @Override
    public KvLedger ledger() {
        int blocks = index.inUse();
        return KvLedger.builder().poolBytes(blocks * worker.blockBytes()).leases(blocks).build();
    }

    @Override
    public List<KvMetric> metrics() {
        return figures.metrics(index.kept() * worker.blockBytes(), memory.bytes());
    }

    @Override
    public List<KvEvent> takeEvents() {
        return index.takeEvents();
    }

    @Override
    public Availability health() {
        return closed.get()
                ? Availability.missing("kv_connector=OffloadingConnector is closed")
                : Availability.usable();
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            index.close();
            try {
                copier.close();
            } finally {
                memory.close();
            }
        }
    }
}
