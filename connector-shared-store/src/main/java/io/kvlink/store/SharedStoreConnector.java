// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.Availability;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvEvent;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One instance's use of a shared store: threads that read and write, and the two halves. */
final class SharedStoreConnector implements KvConnector {

    private static final Logger log = LoggerFactory.getLogger(SharedStoreConnector.class);
    private static final Set<KvCapability> CAPABILITIES =
            Set.of(
                    KvCapability.STORE,
                    KvCapability.BOTH_ROLES,
                    KvCapability.CHUNKED_PREFILL,
                    KvCapability.LOAD_BEHIND_PREFIX,
                    KvCapability.KV_EVENTS);

    private final Map<String, StoredRequest> requests = new ConcurrentHashMap<>();
    private final StoreParts parts;
    private final StoreScheduler scheduler;
    private final StoreWorker worker;
    private final EventLog events;
    private final AtomicBoolean closed = new AtomicBoolean();

    private SharedStoreConnector(
            KvTransferConfig config,
            StoreConfig store,
            KvConnectorContext context,
            BlockFormat format) {
        StoreFigures figures = new StoreFigures();
        events = new EventLog(store.blockTokens());
        BlockDirectory directory =
                new BlockDirectory(store.path(), format, store.fsync(), figures, events);
        SizeLimit limit =
                new SizeLimit(store.path(), store.maxBytes(), format.namespace(), figures, events);
        parts =
                new StoreParts(
                        new BlockNames(context.layout().model(), store.blockTokens()),
                        new ByteBudget(config.bufferBytes()),
                        format.payloadBytes(),
                        new BlockLoader(directory, store, figures, context.wakeup()),
                        new BlockSaver(
                                directory,
                                limit,
                                format.fileBytes(),
                                figures,
                                events,
                                context.wakeup()),
                        figures,
                        store.loadTimeout().toNanos());
        scheduler = new StoreScheduler(requests, config.role(), parts, System::nanoTime);
        worker = new StoreWorker(requests, parts, context.layout());
    }

    /**
     * Opens a store.
     *
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}; nothing is left open
     */
    static SharedStoreConnector open(
            KvTransferConfig config, StoreConfig store, KvConnectorContext context) {
        if (context.device().isPresent()) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "device=%s kv_connector=%s; it copies host memory only: keep KV on the host, or take another connector"
                            .formatted(context.device().get(), SharedStoreConnectorProvider.NAME));
        }
        BlockFormat format = format(store, context);
        makeFolder(store.path());
        log.info(
                "store path={} namespace={} blockBytes={} maxBytes={}",
                store.path(),
                format.namespace(),
                format.fileBytes(),
                store.maxBytes());
        return new SharedStoreConnector(config, store, context, format);
    }

    private static BlockFormat format(StoreConfig store, KvConnectorContext context) {
        BlockFormat format;
        try {
            format = new BlockFormat(context.layout(), store.blockTokens());
        } catch (ArithmeticException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "block_tokens=%d; expected a block of less than 2 GiB"
                            .formatted(store.blockTokens()),
                    cause);
        }
        if (format.fileBytes() > store.maxBytes()) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "max_size_gb=%s; expected room for a block of %d bytes or more"
                            .formatted(store.maxBytes() / 1e9, format.fileBytes()));
        }
        return format;
    }

    // A folder that is there may be read-only: then saves fail, and loads work.
    private static void makeFolder(Path path) {
        try {
            Files.createDirectories(path);
        } catch (IOException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "path=%s; expected a directory, or a place for a new one".formatted(path),
                    cause);
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

    @Override
    public Set<KvCapability> capabilities() {
        return CAPABILITIES;
    }

    @Override
    public Optional<HostPort> address() {
        return Optional.empty();
    }

    @Override
    public KvLedger ledger() {
        return KvLedger.builder()
                .bufferBytes(parts.budget().bytes())
                .leases(parts.budget().leases())
                .transfers(parts.loader().open() + parts.saver().open())
                .build();
    }

    @Override
    public List<KvMetric> metrics() {
        List<KvMetric> metrics = new ArrayList<>(parts.figures().metrics());
        metrics.add(
                KvMetric.gauge(
                        "buffer_bytes",
                        "KV bytes in kv_buffer_size.",
                        Map.of(),
                        (double) parts.budget().bytes()));
        return metrics;
    }

    @Override
    public List<KvEvent> takeEvents() {
        return events.take();
    }

    @Override
    public Availability health() {
        return closed.get()
                ? Availability.missing("kv_connector=SharedStoreConnector is closed")
                : Availability.usable();
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            worker.dropSaves();
            requests.values().forEach(StoredRequest::release);
            parts.loader().close();
            parts.saver().close();
        }
    }
}
