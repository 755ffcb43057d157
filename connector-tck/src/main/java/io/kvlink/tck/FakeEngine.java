// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.kvlink.spi.WorkerReport;
import io.kvlink.tck.FakeRequest.Ending;
import io.kvlink.tck.FakeRequest.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * An inference engine without a model. It calls a connector's halves in the documented order,
 * computes KV that can be recognised, and checks every byte that was loaded. Runs on the test's
 * thread, one {@link #step} at a time.
 */
final class FakeEngine implements AutoCloseable {

    private final String name;
    private final EngineShape shape;
    private final KvMemory memory;
    private final FakeKv kv;
    private final KvConnector connector;
    private final KvScheduler scheduler;
    private final KvWorker worker;
    private final long stepNs;
    private final Map<String, FakeRequest> requests = new LinkedHashMap<>();
    // What was read; looked at later, so that a step never waits for its stream.
    private final List<Runnable> unverified = new ArrayList<>();
    // Written by the connector's threads.
    private final AtomicInteger wakeups = new AtomicInteger();
    private boolean closed;

    /** Takes the memory: closes it when it is closed, or when this throws. */
    FakeEngine(
            String name,
            KvConnectorProvider provider,
            Map<String, Object> config,
            EngineShape shape,
            KvMemory memory,
            int prefillChunk,
            Duration stepLimit) {
        this.name = name;
        this.shape = shape;
        this.memory = memory;
        this.stepNs = stepLimit.toNanos();
        try {
            memory.enter();
            this.kv = new FakeKv(shape, memory, name.hashCode());
            this.connector =
                    provider.create(
                            KvTransferConfig.of(config),
                            new KvConnectorContext(
                                    shape.layout(),
                                    memory.device(),
                                    Optional.empty(),
                                    prefillChunk,
                                    wakeups::incrementAndGet));
        } catch (RuntimeException refused) {
            memory.close();
            throw refused;
        }
        this.scheduler = connector.scheduler();
        this.worker = connector.worker();
        try {
            worker.registerKvMemory(kv.regions());
        } catch (RuntimeException refused) {
            close();
            throw refused;
        }
    }

    KvConnector connector() {
        return connector;
    }

    HostPort address() {
        return connector.address();
    }

    int wakeups() {
        return wakeups.get();
    }

    boolean isClosed() {
        return closed;
    }

    EngineShape shape() {
        return shape;
    }

    /** A request arrives. */
    FakeRequest add(Optional<TransferRoute> route, int[] prompt) {
        return add(route, prompt, false);
    }

    /** A request with an attachment arrives, or one without. */
    FakeRequest add(Optional<TransferRoute> route, int[] prompt, boolean attachment) {
        String id = name + "-" + requests.size();
        FakeRequest request = new FakeRequest(new KvRequest(id, route, prompt, attachment));
        requests.put(id, request);
        scheduler.onRequestAdded(request.kv);
        return request;
    }

    /** Asks for the connector's answer now; changes nothing. */
    LoadDecision ask(FakeRequest request, int computedTokens) {
        return scheduler.matchedTokens(request.kv, computedTokens);
    }

    /** Bytes that came with a request's KV, by the connector's word; changes nothing. */
    Optional<byte[]> attachment(FakeRequest request) {
        return scheduler.attachment(request.kv);
    }

    void attach(FakeRequest request, byte[] content) {
        scheduler.attach(request.kv, content);
    }

    /** One step, idle if nothing is to be computed. */
    WorkerReport step() {
        memory.enter();
        List<StepPlan.Entry> entries = plan();
        StepMetadata metadata = scheduler.buildStep(new StepPlan(entries));
        long deadlineNs = System.nanoTime() + stepNs;
        worker.startLoad(metadata);
        for (int layer = 0; layer < shape.layout().layers(); layer++) {
            worker.awaitLayer(layer, deadlineNs);
            for (StepPlan.Entry entry : entries) {
                compute(layer, entry);
            }
            worker.saveLayer(layer);
        }
        boolean saved = worker.awaitSaves(deadlineNs);
        WorkerReport report = worker.pollFinished();
        scheduler.onStepDone(report);
        require(saved, "awaitSaves passed its deadline");
        apply(report);
        entries.forEach(this::advance);
        return report;
    }

    /** Looks at every byte that was loaded; waits for the stream. */
    void verify() {
        List<Runnable> checks = List.copyOf(unverified);
        unverified.clear();
        checks.forEach(Runnable::run);
    }

    /** The client leaves, or the engine gives up. */
    void leave(FakeRequest request) {
        if (!request.ended()) {
            end(request, Ending.LEFT);
        }
    }

    void leaveAll() {
        List.copyOf(requests.values()).forEach(this::leave);
    }

    /** Lets the following computations take their time: see {@link KvMemory#delay}. */
    void lag() {
        memory.delay();
    }

    /** True if nobody wrote to a released request's blocks. */
    boolean untouched(FakeRequest request) {
        return kv.untouched(request.blocks);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            memory.enter();
            try {
                connector.close();
            } finally {
                memory.close();
            }
        }
    }

    @Override
    public String toString() {
        return "%s[%s ledger=%s %s]"
                .formatted(
                        name,
                        connector.address(),
                        connector.ledger(),
                        requests.values().stream()
                                .filter(request -> !request.ended() || !request.released)
                                .toList());
    }

    private List<StepPlan.Entry> plan() {
        List<StepPlan.Entry> entries = new ArrayList<>();
        for (FakeRequest request : List.copyOf(requests.values())) {
            if (request.state == State.WAITING && !request.held) {
                admit(request);
            }
            if (request.state == State.RUNNING) {
                int left = request.promptTokens() - request.computed;
                entries.add(
                        new StepPlan.Entry(
                                request.kv,
                                request.blocks,
                                request.computed,
                                Math.min(left, request.tokensPerStep)));
            }
        }
        return entries;
    }

    private void admit(FakeRequest request) {
        if (!kv.hasRoomFor(request.promptTokens())) {
            return;
        }
        LoadDecision decision = scheduler.matchedTokens(request.kv, request.computed);
        request.decision = Optional.of(decision);
        if (decision instanceof LoadDecision.Failed) {
            end(request, Ending.FAILED);
        } else if (decision instanceof LoadDecision.Load load) {
            accept(request, load);
        }
    }

    private void accept(FakeRequest request, LoadDecision.Load load) {
        request.attachment = request.kv.attachment() ? attachment(request) : Optional.empty();
        request.blocks = kv.take(request.promptTokens());
        request.released = false;
        computeAllLayers(request, 0, request.computed);
        request.loading = load.tokens();
        request.loadsInStep = load.tokens() > 0 && !load.async();
        scheduler.onBlocksAllocated(request.kv, request.blocks, load.tokens());
        int most = request.promptTokens() - (request.attachment.isPresent() ? 0 : 1);
        require(
                request.computed + load.tokens() <= most,
                "the prompt's last token is computed here unless something is attached: " + load);
        require(
                request.attachment.isEmpty() || request.computed + load.tokens() == most,
                "what is attached is for the whole prompt: " + load);
        if (load.tokens() > 0 && load.async()) {
            request.state = State.LOADING;
        } else {
            request.computed += load.tokens();
            request.state = State.RUNNING;
        }
    }

    private void computeAllLayers(FakeRequest request, int from, int to) {
        for (int layer = 0; layer < shape.layout().layers(); layer++) {
            kv.compute(layer, request.prefixes, request.blocks, from, to);
        }
    }

    private void compute(int layer, StepPlan.Entry entry) {
        FakeRequest request = requestOf(entry.request().id());
        int from = entry.computedTokens();
        if (request.loadsInStep) {
            request.attended.add(kv.check(layer, request.prefixes, request.blocks, 0, from));
        }
        kv.compute(layer, request.prefixes, request.blocks, from, from + entry.scheduledTokens());
    }

    private void apply(WorkerReport report) {
        for (TransferOutcome outcome : report.sent()) {
            onReported(requestOf(outcome.requestId()).sent, outcome);
        }
        for (TransferOutcome outcome : report.loaded()) {
            FakeRequest request = onReported(requestOf(outcome.requestId()).loaded, outcome);
            if (request.state == State.LOADING) {
                request.computed += request.loading;
                request.state = State.RUNNING;
                checkAllLayers(request);
            }
        }
        for (TransferOutcome outcome : report.failedLoads()) {
            FakeRequest request = onReported(requestOf(outcome.requestId()).failedLoads, outcome);
            if (!request.ended()) {
                end(request, Ending.FAILED);
            }
        }
    }

    private FakeRequest onReported(List<TransferOutcome> outcomes, TransferOutcome outcome) {
        outcomes.add(outcome);
        FakeRequest request = requestOf(outcome.requestId());
        if (request.connectorOwns) {
            request.connectorOwns = false;
            release(request);
        }
        return request;
    }

    // After a step: a load that took part in it is judged, and a complete prompt ends.
    private void advance(StepPlan.Entry entry) {
        FakeRequest request = requestOf(entry.request().id());
        if (request.ended()) {
            return;
        }
        if (request.loadsInStep) {
            require(
                    !request.loaded.isEmpty(),
                    "a load within the step was neither loaded nor failed at its end: " + request);
            request.loadsInStep = false;
            checkAllLayers(request);
        }
        request.computed += entry.scheduledTokens();
        if (request.computed == request.promptTokens()) {
            request.attaches.ifPresent(content -> attach(request, content));
            end(request, request.loading > 0 ? Ending.LOADED : Ending.COMPUTED);
        }
    }

    private void checkAllLayers(FakeRequest request) {
        verifyLater(request, "after awaitLayer", request.attended);
        List<Supplier<String>> checks = new ArrayList<>();
        for (int layer = 0; layer < shape.layout().layers(); layer++) {
            checks.add(kv.check(layer, request.prefixes, request.blocks, 0, request.computed));
        }
        verifyLater(request, "loaded KV is wrong:", checks);
    }

    private void verifyLater(FakeRequest request, String when, List<Supplier<String>> checks) {
        String what = request.toString();
        for (Supplier<String> check : checks) {
            unverified.add(
                    () -> {
                        String wrong = check.get();
                        require(wrong.isEmpty(), when + " " + wrong + " " + what);
                    });
        }
        checks.clear();
    }

    private void end(FakeRequest request, Ending ending) {
        request.state = State.ENDED;
        request.ending = ending;
        BlockOwnership ownership = scheduler.onRequestFinished(request.kv);
        if (ownership == BlockOwnership.FREE_NOW) {
            release(request);
        } else {
            request.connectorOwns = true;
        }
    }

    private void release(FakeRequest request) {
        if (!request.released) {
            request.released = true;
            kv.release(request.blocks);
        }
    }

    private FakeRequest requestOf(String id) {
        FakeRequest request = requests.get(id);
        if (request == null) {
            throw new AssertionError("the connector reports a request it never got: " + id);
        }
        return request;
    }

    private void require(boolean holds, String message) {
        if (!holds) {
            throw new AssertionError(name + ": " + message);
        }
    }
}
