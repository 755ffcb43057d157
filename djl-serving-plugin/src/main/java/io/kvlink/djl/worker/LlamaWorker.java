// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.announce.Announcer;
import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.engine.DecoderFactory;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationException.Kind;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.generation.WorkerHealth;
import io.kvlink.djl.generation.WorkerStatus;
import io.kvlink.djl.model.Models;
import io.kvlink.djl.model.config.GenerationDefaults;
import io.kvlink.djl.text.TokenText;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.djl.worker.connector.ConnectorMetrics;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvRequest;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers prompts with a Llama-family model, and exchanges their KV with other instances if a
 * connector is configured. One thread, {@code kv-worker-0}, makes every call to the model and to
 * the connector's halves; this class's methods may be called from any thread.
 */
public final class LlamaWorker implements TextGenerator {

    private static final Logger log = LoggerFactory.getLogger(LlamaWorker.class);

    private static final Duration START_DEADLINE = Duration.ofMinutes(10);
    private static final Duration CLOSE_DEADLINE = Duration.ofSeconds(30);
    private static final long IDLE_NS = TimeUnit.SECONDS.toNanos(1);
    // How often a connector is asked that should have woken us, and didn't.
    private static final long EXPECTING_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private final WorkerConfig config;
    private final LongSupplier clock = System::nanoTime;
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final WorkerMetrics metrics = new WorkerMetrics(registry);
    private final FailureLog failures = new FailureLog(log);
    private final AtomicLong submitted = new AtomicLong();
    // Used by the worker's thread only.
    private final List<ConnectorMetrics> connectorMetrics = new ArrayList<>();
    private final SchedulerInbox inbox;
    private final Thread thread;
    private final Pulse pulse;
    private final CompletableFuture<Opened> opening = new CompletableFuture<>();
    // Completed by the worker's thread.
    private final CompletableFuture<@Nullable Void> drained = new CompletableFuture<>();

    private record Opened(WorkerResources resources, Requests requests, Announcer announcer) {}

    private LlamaWorker(
            WorkerConfig config, DecoderFactory decoders, Supplier<KvConnectors> providers) {
        this.config = config;
        this.inbox = new SchedulerInbox(config.maxQueuedRequests());
        this.thread = new Thread(() -> run(decoders, providers), "kv-worker-0");
        thread.setDaemon(true);
        this.pulse = new Pulse(thread, config.surface().healthStall(), clock);
    }

    /**
     * Loads the model, opens the connector and begins to serve. Returns when both are ready.
     *
     * @param config what to serve
     * @param providers sees the connector's jar, and the tensor pool's
     * @throws io.kvlink.spi.KvConnectorException if the connector is missing or refuses its
     *     configuration; nothing is left open
     * @throws io.kvlink.djl.model.config.ModelLoadException if the model can't be served
     */
    public static LlamaWorker start(WorkerConfig config, ClassLoader providers) {
        return start(config, () -> KvConnectors.load(providers));
    }

    /** Like the other, with providers that are asked for if a connector is configured. */
    static LlamaWorker start(WorkerConfig config, Supplier<KvConnectors> providers) {
        return start(config, new Models(), providers);
    }

    static LlamaWorker start(
            WorkerConfig config, DecoderFactory decoders, Supplier<KvConnectors> providers) {
        LlamaWorker worker = new LlamaWorker(config, decoders, providers);
        worker.thread.start();
        try {
            worker.opening.orTimeout(START_DEADLINE.toSeconds(), TimeUnit.SECONDS).join();
            return worker;
        } catch (CompletionException failed) {
            worker.inbox.close();
            Throwable cause = failed.getCause();
            if (cause instanceof RuntimeException unchecked) {
                throw unchecked;
            }
            throw failed;
        }
    }

    @Override
    public String modelName() {
        return config.modelName();
    }

    @Override
    public int contextLength() {
        return opened().resources.model().contextLength();
    }

    @Override
    public int maxPromptTokens() {
        return config.surface().maxPromptTokens();
    }

    @Override
    public int maxTokens() {
        int memory = opened().resources.memory().totalBlocks() * KvMemory.BLOCK_TOKENS;
        return Math.min(contextLength(), memory);
    }

    @Override
    public int maxPromptBytes() {
        int tokens = Math.min(maxPromptTokens(), maxTokens() - 1);
        return opened().resources.textBound().maxBytes(tokens);
    }

    @Override
    public int maxRequestBytes() {
        return config.surface().maxRequestBytes();
    }

    @Override
    public GenerationDefaults defaults() {
        return opened().resources.defaults();
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return opened().resources.chatTemplate();
    }

    @Override
    public int[] encode(String text, boolean special) {
        return opened().resources.texts().encode(text, special);
    }

    @Override
    public String decode(int... tokens) {
        return opened().resources.texts().decode(tokens);
    }

    @Override
    public String uncertain(int... prompt) {
        return opened().resources.texts().uncertain(prompt);
    }

    @Override
    public TokenText tokenText(int token) {
        return opened().resources.texts().text(token);
    }

    @Override
    public Generation submit(GenerationRequest request, GenerationListener listener) {
        try {
            Sequence sequence = sequence(request, listener);
            return switch (inbox.offer(sequence)) {
                case ACCEPTED -> sequence;
                case CLOSED -> throw WorkerResources.closed(config);
                case DRAINING ->
                        throw new GenerationException(
                                Kind.CLOSED,
                                "model=%s worker=draining; ask another instance"
                                        .formatted(config.modelName()));
                case FULL ->
                        throw new GenerationException(
                                Kind.OVERLOADED,
                                "request=%s waiting=%d max_queued_requests=%d; try again later"
                                        .formatted(
                                                request.requestId(),
                                                inbox.waiting(),
                                                config.maxQueuedRequests()));
            };
        } catch (GenerationException refused) {
            metrics.onEnded(refused.kind());
            throw refused;
        }
    }

    private Sequence sequence(GenerationRequest request, GenerationListener listener) {
        WorkerResources resources = opened().resources;
        int tokenLimit = RequestLimits.tokenLimit(request, config, resources);
        AnswerText text =
                new AnswerText(
                        resources
                                .tokenizer()
                                .newDecoder(request.promptTokens(), request.joinsPrompt()),
                        request.stop(),
                        request.minTokens());
        int answerTokens = tokenLimit - request.promptTokens().length;
        return new Sequence(
                KvRequest.builder(
                                request.requestId() + "#" + submitted.incrementAndGet(),
                                request.promptTokens())
                        .route(request.route())
                        .salt(resources.stores() ? config.chunkSizes().salt() : "")
                        .attachment(config.firstTokenHandoff() && FirstToken.mayTravel(request))
                        .build(),
                new RunningAnswer(
                        request,
                        listener,
                        resources.model(),
                        text,
                        resources.decoder()::newPicker,
                        answerTokens,
                        config.surface().requestTimeout()),
                tokenLimit,
                clock.getAsLong(),
                inbox::wake);
    }

    @Override
    public WorkerStatus status() {
        Opened opened = opened();
        KvMemory memory = opened.resources.memory();
        return new WorkerStatus(
                config.transfer().map(transfer -> transfer.role().key()).orElse("none"),
                opened.resources.connector().flatMap(KvConnector::address),
                inbox.waiting(),
                opened.requests.runningCount(),
                memory.freeBlocks() * KvMemory.BLOCK_TOKENS,
                memory.totalBlocks() * KvMemory.BLOCK_TOKENS,
                inbox.draining(),
                opened.resources.connector().map(KvConnector::ledger));
    }

    @Override
    public Optional<HostPort> kvAddress() {
        return opened().resources.connector().flatMap(KvConnector::address);
    }

    @Override
    public void announce(boolean wanted) {
        opened().announcer.wanted(wanted);
    }

    @Override
    public CompletableFuture<@Nullable Void> drain() {
        pulse.drain();
        inbox.drain();
        announce(false);
        return drained;
    }

    @Override
    public Duration drainLimit() {
        return config.surface().drain();
    }

    @Override
    public WorkerHealth health() {
        WorkerHealth own = pulse.health();
        List<String> whyNotLive = new ArrayList<>(own.whyNotLive());
        if (!pulse.closing()) {
            // Asked of an open worker only: a connector that was closed with its worker isn't dead.
            whyNotLive.addAll(opened().resources.whyNotLive());
            opened().announcer.fault().ifPresent(whyNotLive::add);
        }
        return new WorkerHealth(whyNotLive, own.whyNotReady());
    }

    @Override
    public PrometheusRegistry metrics() {
        return registry;
    }

    @Override
    public void close() {
        pulse.close();
        inbox.close();
        if (Thread.currentThread() == thread) {
            return; // A listener closes us: the loop ends after this turn.
        }
        try {
            thread.join(CLOSE_DEADLINE.toMillis());
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            log.error(
                    "thread={} still runs {} after close; a native call hangs?",
                    thread.getName(),
                    CLOSE_DEADLINE);
        }
    }

    private Opened opened() {
        return opening.join();
    }

    // From here on: the worker's thread.

    private void run(DecoderFactory decoders, Supplier<KvConnectors> providers) {
        try {
            run(WorkerResources.open(config, decoders, providers, inbox::wake));
        } catch (RuntimeException | Error cause) {
            inbox.close();
            // Nothing is left open: who starts the worker may hear of it.
            if (!opening.completeExceptionally(cause)) {
                throw cause;
            }
        }
    }

    private void run(WorkerResources resources) {
        Requests requests = new Requests(inbox, resources, metrics, failures, clock);
        Scheduler scheduler =
                new Scheduler(inbox, requests, resources, config, metrics, failures, clock);
        try {
            serve(resources, requests, scheduler);
        } catch (RuntimeException | Error cause) {
            pulse.end(cause);
            if (opening.isDone()) {
                log.error("model={} ends; restart the process", config.modelName(), cause);
            }
            throw cause;
        } finally {
            inbox.close();
            closeAll(resources, requests, scheduler);
            drained.complete(null);
        }
    }

    private void serve(WorkerResources resources, Requests requests, Scheduler scheduler) {
        WorkerMetrics.addGauges(registry, inbox, requests, resources.memory());
        resources.connector().map(ConnectorMetrics::new).ifPresent(connectorMetrics::add);
        connectorMetrics.forEach(registry::register);
        try (Announcer announcer = Announcer.start(config, resources.connector(), this::status)) {
            opening.complete(new Opened(resources, requests, announcer));
            log.info("max_prompt_bytes={}", maxPromptBytes());
            log.debug("{}", resources.textBound());
            while (!inbox.closed()) {
                pulse.turn();
                if (!turn(scheduler)) {
                    await(resources, requests);
                }
            }
        }
        scheduler.landAll();
    }

    private void await(WorkerResources resources, Requests requests) {
        boolean draining = inbox.draining();
        if (draining && requests.none() && !resources.servesPeers()) {
            drained.complete(null);
        }
        inbox.await(draining || requests.expectsReport() ? EXPECTING_NS : IDLE_NS);
    }

    private boolean turn(Scheduler scheduler) {
        try {
            return scheduler.turn();
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            failures.add("turn", cause);
            return false;
        }
    }

    private void closeAll(WorkerResources resources, Requests requests, Scheduler scheduler) {
        // Figures of a closed connector mean nothing.
        connectorMetrics.forEach(registry::unregister);
        inbox.arrivals().forEach(requests::add);
        try {
            // After a clean end nothing is in flight.
            scheduler.drop();
            requests.endAll(WorkerResources.closed(config));
        } finally {
            resources.closeBehindTexts(config.modelName());
            requests.releaseLent();
        }
    }
}
