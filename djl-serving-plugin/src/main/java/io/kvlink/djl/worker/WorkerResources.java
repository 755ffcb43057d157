// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.chat.ChatTemplates;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.DecoderFactory;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.GenerationDefaults;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.weights.ModelFingerprint;
import io.kvlink.djl.text.TextBound;
import io.kvlink.djl.text.Tokenizer;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.djl.worker.connector.ConnectorSetup;
import io.kvlink.djl.worker.connector.NoConnector;
import io.kvlink.spi.Availability;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Resources that a worker opens, and closes in the reverse order: the connector goes before the
 * memory that it was told of. Opened and closed by one thread.
 */
final class WorkerResources implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(WorkerResources.class);

    private final ModelConfig model;
    private final Tokenizer tokenizer;
    private final ModelTexts texts;
    private final GenerationDefaults defaults;
    private final Optional<ChatTemplate> chatTemplate;
    private final Decoder decoder;
    private final Optional<KvConnector> connector;
    private final boolean produces;
    private final Set<KvCapability> abilities;
    private final NoConnector local = new NoConnector();
    private final Deque<AutoCloseable> open;

    private WorkerResources(
            WorkerConfig config,
            DecoderFactory decoders,
            Supplier<KvConnectors> providers,
            Runnable wakeup,
            Deque<AutoCloseable> open) {
        this.open = open;
        ModelConfig read = ModelConfig.read(config.modelDir());
        model =
                read.computedIn(ComputeType.of(config.dtype(), read, config.device()))
                        .within(config.surface().maxModelLen());
        defaults =
                config.surface().generationConfig()
                        ? GenerationDefaults.read(config.modelDir())
                        : GenerationDefaults.NONE;
        chatTemplate = ChatTemplates.load(config.modelDir(), config.surface().chatTemplate());
        tokenizer = opened(Tokenizer.load(config.modelDir()));
        texts = new ModelTexts(tokenizer, model.vocabSize(), () -> closed(config));
        decoder = opened(decoders.open(config.decoder(model)));
        connector =
                config.transfer().map(transfer -> connector(config, transfer, providers, wakeup));
        connector.ifPresent(open::push);
        abilities = connector.map(KvConnector::capabilities).orElseGet(Set::of);
        produces = config.transfer().filter(transfer -> transfer.role().produces()).isPresent();
    }

    private KvConnector connector(
            WorkerConfig config,
            KvTransferConfig transfer,
            Supplier<KvConnectors> providers,
            Runnable wakeup) {
        KvConnectors installed = providers.get();
        String modelId = transfer.modelId().orElseGet(() -> ModelFingerprint.of(config.modelDir()));
        return ConnectorSetup.open(
                config.modelName(),
                transfer,
                installed,
                ConnectorSetup.layout(model, modelId),
                memory(),
                config.prefillChunk(),
                wakeup);
    }

    /** Opens everything; if that throws, nothing is left open. */
    static WorkerResources open(
            WorkerConfig config,
            DecoderFactory decoders,
            Supplier<KvConnectors> providers,
            Runnable wakeup) {
        Deque<AutoCloseable> open = new ArrayDeque<>();
        try {
            return new WorkerResources(config, decoders, providers, wakeup, open);
        } catch (RuntimeException | Error cause) {
            closeAll(open, cause);
            throw cause;
        }
    }

    ModelConfig model() {
        return model;
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    /** Greatest length of a prompt's text before it is tokenised. */
    TextBound textBound() {
        return tokenizer.textBound();
    }

    /** The tokenizer for threads other than the one that closes it. */
    ModelTexts texts() {
        return texts;
    }

    GenerationDefaults defaults() {
        return defaults;
    }

    Optional<ChatTemplate> chatTemplate() {
        return chatTemplate;
    }

    KvMemory memory() {
        return decoder.memory();
    }

    Decoder decoder() {
        return decoder;
    }

    Optional<KvConnector> connector() {
        return connector;
    }

    /** Reasons why what is open can't serve any more. */
    List<String> whyNotLive() {
        List<String> reasons = new ArrayList<>();
        Availability reached = connector.map(KvConnector::health).orElseGet(Availability::usable);
        if (!reached.ready()) {
            reasons.add(reached.reason());
        }
        decoder.lost().ifPresent(reasons::add);
        return reasons;
    }

    /** True if there is KV here that a peer reads, or may still ask for. */
    boolean servesPeers() {
        return produces
                && connector
                        .map(KvConnector::ledger)
                        .filter(ledger -> ledger.transfers() > 0)
                        .isPresent();
    }

    /** True if there is a store. */
    boolean stores() {
        return abilities.contains(KvCapability.STORE);
    }

    /** True if there is a store, and nobody else gets KV. */
    boolean onlyStores() {
        return stores() && !abilities.contains(KvCapability.PEERS);
    }

    /** True if a store serves a request by its tokens, and no peer by its route. */
    boolean servesByTokens(KvRequest request) {
        boolean peer = abilities.contains(KvCapability.PEERS) && request.route().isPresent();
        return stores() && !peer;
    }

    KvScheduler kvScheduler() {
        return connector.map(KvConnector::scheduler).orElse(local);
    }

    KvWorker kvWorker() {
        return connector.map(KvConnector::worker).orElse(local);
    }

    /** Closes all of it, also if one throws; closing again does nothing. */
    @Override
    public void close() {
        RuntimeException failure = new IllegalStateException("not all of the worker closed");
        if (closeAll(open, failure)) {
            throw failure;
        }
    }

    /** Like {@link #close}, when nobody reads texts any more; what didn't close is logged. */
    void closeBehindTexts(String modelName) {
        try {
            texts.close(this::close);
        } catch (RuntimeException cause) {
            log.error("model={} didn't close cleanly", modelName, cause);
        }
    }

    static GenerationException closed(WorkerConfig config) {
        return new GenerationException(
                GenerationException.Kind.CLOSED,
                "model=%s worker=closed".formatted(config.modelName()));
    }

    private <T extends AutoCloseable> T opened(T resource) {
        open.push(resource);
        return resource;
    }

    /** Adds what is thrown to a failure; whether anything was. */
    private static boolean closeAll(Deque<AutoCloseable> open, Throwable failure) {
        boolean failed = false;
        for (@Nullable AutoCloseable resource; (resource = open.poll()) != null; ) {
            try {
                resource.close();
            } catch (Exception | Error cause) {
                failure.addSuppressed(cause);
                failed = true;
            }
        }
        return failed;
    }
}
