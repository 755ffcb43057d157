// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.chat.ChatTemplates;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.GenerationDefaults;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.ndarray.KvCachePool;
import io.kvlink.djl.model.ndarray.NDArrayDecoder;
import io.kvlink.djl.text.TextBound;
import io.kvlink.djl.text.Tokenizer;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvWorker;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a worker opens, and closes in the reverse order: the connector before the memory that it was
 * told of. Opened and closed by one thread.
 */
final class WorkerResources implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(WorkerResources.class);

    private final ModelConfig model;
    private final Tokenizer tokenizer;
    private final ModelTexts texts;
    private final GenerationDefaults defaults;
    private final Optional<ChatTemplate> chatTemplate;
    private final KvCachePool pool;
    private final NDArrayDecoder decoder;
    private final Optional<KvConnector> connector;
    private final boolean produces;
    private final NoConnector local = new NoConnector();
    private final Deque<AutoCloseable> open;

    private WorkerResources(
            WorkerConfig config,
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
        pool = opened(KvCachePool.open(model, config.kvCacheTokens(), config.device()));
        decoder = opened(NDArrayDecoder.load(config.modelDir(), model, pool, config.decoding()));
        logDecoding(config.decoding());
        connector =
                config.transfer()
                        .map(
                                transfer ->
                                        ConnectorSetup.open(
                                                config.modelName(),
                                                transfer,
                                                providers.get(),
                                                ConnectorSetup.layout(
                                                        model,
                                                        ModelFingerprint.of(config.modelDir())),
                                                pool,
                                                config.prefillChunk(),
                                                wakeup));
        connector.ifPresent(open::push);
        produces = config.transfer().filter(transfer -> transfer.role().produces()).isPresent();
    }

    private void logDecoding(DecodeSettings decoding) {
        log.info(
                "decode_batch={} rows={} max_batch={} decode_threads={}",
                decoding.batch().name().toLowerCase(Locale.ROOT),
                decoder.batchRows(),
                decoder.maxBatch(),
                decoding.threads());
        if (decoder.rowsTogether() < decoder.maxBatch()) {
            log.warn(
                    "decode_batch=exact computes at most {} of max_batch={} sequences together: no"
                            + " more rows have the same bits on this processor; option.decode_batch=fast"
                            + " doesn't ask for that",
                    decoder.rowsTogether(),
                    decoder.maxBatch());
        }
    }

    /** Opens everything; if that throws, nothing is left open. */
    static WorkerResources open(
            WorkerConfig config, Supplier<KvConnectors> providers, Runnable wakeup) {
        Deque<AutoCloseable> open = new ArrayDeque<>();
        try {
            return new WorkerResources(config, providers, wakeup, open);
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

    /** How long a prompt's text may be before it is tokenised. */
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

    KvCachePool pool() {
        return pool;
    }

    NDArrayDecoder decoder() {
        return decoder;
    }

    Optional<KvConnector> connector() {
        return connector;
    }

    /** Whether there is KV here that a peer reads, or may still ask for. */
    boolean servesPeers() {
        return produces
                && connector
                        .map(KvConnector::ledger)
                        .filter(ledger -> ledger.transfers() > 0)
                        .isPresent();
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
