// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.generation.WorkerHealth;
import io.kvlink.djl.generation.WorkerStatus;
import io.kvlink.djl.model.config.GenerationDefaults;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.text.TokenText;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A worker whose every step a test takes. A token is a character. */
public final class FakeGenerator implements TextGenerator {

    public static final int CONTEXT = 100;

    private final String name;
    private final BlockingQueue<Submitted> submitted = new LinkedBlockingQueue<>();
    public final PrometheusRegistry metrics = new PrometheusRegistry();

    /** Throws, or returns, in place of a submission. */
    public volatile Function<GenerationRequest, @Nullable RuntimeException> refusal = r -> null;

    public volatile GenerationDefaults defaults = GenerationDefaults.NONE;
    public volatile Optional<ChatTemplate> template = Optional.empty();
    public volatile String uncertain = "";
    public volatile int maxPromptTokens = Integer.MAX_VALUE;
    public volatile int maxTokens = CONTEXT;
    public volatile int maxPromptBytes = 1 << 30;
    public volatile int maxRequestBytes = 1 << 30;

    /** True if the last text was encoded with special tokens. */
    public volatile boolean encodedSpecial;

    /** Waited for by encode. */
    public volatile CountDownLatch encodeGate = new CountDownLatch(0);

    public volatile WorkerHealth health = WorkerHealth.GOOD;

    public volatile Optional<HostPort> kvAddress = Optional.of(new HostPort("127.0.0.1", 14_579));
    public volatile boolean announced = true;
    public volatile boolean idle;
    public volatile Duration drainLimit = Duration.ofSeconds(20);

    private final CompletableFuture<@Nullable Void> draining = new CompletableFuture<>();
    private final CompletableFuture<@Nullable Void> closing = new CompletableFuture<>();

    /** Replaced by a test that drains. */
    public volatile CompletableFuture<@Nullable Void> drained =
            CompletableFuture.completedFuture(null);

    /** Number of times that a text was encoded, or tokens decoded. */
    public final AtomicInteger tokenizerCalls = new AtomicInteger();

    public final CountDownLatch encoding = new CountDownLatch(1);
    public final AtomicBoolean closed = new AtomicBoolean();

    public FakeGenerator(String name) {
        this.name = name;
        Counter.builder().name("fake_steps").help("Steps.").register(metrics).inc(3);
    }

    /** One accepted prompt. */
    public static final class Submitted implements Generation {
        public final GenerationRequest request;
        public final GenerationListener listener;
        private final CountDownLatch cancelled = new CountDownLatch(1);

        Submitted(GenerationRequest request, GenerationListener listener) {
            this.request = request;
            this.listener = listener;
        }

        @Override
        public void cancel() {
            cancelled.countDown();
        }

        public boolean isCancelled() {
            return cancelled.getCount() == 0;
        }

        public void awaitCancelled() throws InterruptedException {
            if (!cancelled.await(20, TimeUnit.SECONDS)) {
                throw new AssertionError("not cancelled: " + request.requestId());
            }
        }

        public Submitted text(String text) {
            listener.onToken(7, text);
            return this;
        }

        public Submitted token(SampledToken token, String text) {
            return token(token, text, 0);
        }

        public Submitted token(SampledToken token, String text, int offset) {
            listener.onSampled(token, text, offset);
            return this;
        }

        public void finish(FinishReason reason, int tokens) {
            listener.onFinished(
                    new GenerationResult(
                            reason,
                            request.promptTokens().length,
                            tokens,
                            2,
                            request.promptTokens().length - 2,
                            Optional.of(
                                    TransferOutcome.builder(request.requestId())
                                            .id(new TransferId(1, 2, 0))
                                            .plane("tcp")
                                            .bytes(4096)
                                            .nanos(1_500_000)
                                            .build()),
                            2_000_000,
                            9_000_000));
        }

        public void fail(GenerationException.Kind kind, String message) {
            listener.onFailed(new GenerationException(kind, message));
        }
    }

    public void awaitDraining() {
        draining.orTimeout(20, TimeUnit.SECONDS).join();
    }

    public void awaitClosed() {
        closing.orTimeout(20, TimeUnit.SECONDS).join();
    }

    public Submitted next() throws InterruptedException {
        Submitted next = submitted.poll(20, TimeUnit.SECONDS);
        if (next == null) {
            throw new AssertionError("nothing was submitted");
        }
        return next;
    }

    public boolean idle() {
        return submitted.isEmpty();
    }

    @Override
    public String modelName() {
        return name;
    }

    @Override
    public int contextLength() {
        return CONTEXT;
    }

    @Override
    public int maxPromptTokens() {
        return maxPromptTokens;
    }

    @Override
    public int maxTokens() {
        return maxTokens;
    }

    @Override
    public int maxPromptBytes() {
        return maxPromptBytes;
    }

    @Override
    public int maxRequestBytes() {
        return maxRequestBytes;
    }

    @Override
    public GenerationDefaults defaults() {
        return defaults;
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return template;
    }

    @Override
    public String decode(int... tokens) {
        tokenizerCalls.incrementAndGet();
        return new String(tokens, 0, tokens.length);
    }

    @Override
    public String uncertain(int... prompt) {
        return uncertain;
    }

    @Override
    public TokenText tokenText(int token) {
        return TokenText.of(Character.toString(token));
    }

    @Override
    public int[] encode(String text, boolean special) {
        tokenizerCalls.incrementAndGet();
        encodedSpecial = special;
        encoding.countDown();
        try {
            if (!encodeGate.await(20, TimeUnit.SECONDS)) {
                throw new AssertionError("gate never opened");
            }
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
        return text.chars().toArray();
    }

    @Override
    public Generation submit(GenerationRequest request, GenerationListener listener) {
        RuntimeException refused = refusal.apply(request);
        if (refused != null) {
            throw refused;
        }
        Submitted accepted = new Submitted(request, listener);
        submitted.add(accepted);
        return accepted;
    }

    @Override
    public Optional<HostPort> kvAddress() {
        return kvAddress;
    }

    @Override
    public void announce(boolean wanted) {
        announced = wanted;
    }

    @Override
    public CompletableFuture<@Nullable Void> drain() {
        refusal =
                request ->
                        new GenerationException(GenerationException.Kind.CLOSED, "worker=draining");
        announced = false;
        health = WorkerHealth.DRAINING;
        draining.complete(null);
        return drained;
    }

    @Override
    public Duration drainLimit() {
        return drainLimit;
    }

    @Override
    public WorkerStatus status() {
        return new WorkerStatus(
                "kv_both",
                Optional.of(new HostPort("127.0.0.1", 14579)),
                idle ? 0 : 1,
                idle ? 0 : 2,
                3,
                4,
                false,
                Optional.of(
                        KvLedger.builder()
                                .bufferBytes(5)
                                .poolBytes(6)
                                .leases(7)
                                .transfers(idle ? 0 : 8)
                                .peers(9)
                                .build()));
    }

    @Override
    public WorkerHealth health() {
        return health;
    }

    @Override
    public PrometheusRegistry metrics() {
        return metrics;
    }

    @Override
    public void close() {
        closed.set(true);
        closing.complete(null);
    }
}
