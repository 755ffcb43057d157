// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferRoute;
import io.kvlink.spi.WorkerReport;
import io.kvlink.tck.FakeRequest.Ending;
import io.kvlink.tck.FakeRequest.State;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An inference engine without a model: calls a connector's halves in the documented order, over KV
 * that {@link EngineKv} computes and checks. Runs on the caller's thread, one {@link #step} at a
 * time.
 */
public final class FakeEngine implements AutoCloseable {

    private final String name;
    private final EngineShape shape;
    private final EngineKv kv;
    private final KvConnector connector;
    private final KvScheduler scheduler;
    private final KvWorker worker;
    private final long stepNs;
    private final RequestTable requests;
    // Written by the connector's threads.
    private final AtomicInteger wakeups = new AtomicInteger();
    private int added;
    private boolean closed;

    /**
     * Opens a connector over KV.
     *
     * @param name begins the requests' ids
     * @param provider makes the connector
     * @param config {@code kv_transfer_config}
     * @param shape of the KV
     * @param kv taken: it is closed when the engine is closed, or when this throws
     * @param options the rest
     */
    public FakeEngine(
            String name,
            KvConnectorProvider provider,
            Map<String, Object> config,
            EngineShape shape,
            EngineKv kv,
            EngineOptions options) {
        this.name = name;
        this.shape = shape;
        this.kv = kv;
        this.stepNs = options.stepLimit().toNanos();
        try {
            kv.enter();
            this.connector =
                    provider.create(
                            KvTransferConfig.of(config),
                            options.context(shape.layout(), kv.device(), wakeups));
        } catch (RuntimeException refused) {
            kv.close();
            throw refused;
        }
        this.scheduler = connector.scheduler();
        this.worker = connector.worker();
        this.requests = new RequestTable(kv, scheduler);
        try {
            worker.registerKvMemory(kv.regions());
        } catch (RuntimeException refused) {
            close();
            throw refused;
        }
    }

    /** The connector, for its ledger and metrics. */
    public KvConnector connector() {
        return connector;
    }

    /** The connector's address, for routes. */
    public HostPort address() {
        return connector.address().orElseThrow();
    }

    /** Number of times the connector has asked for another look. */
    public int wakeups() {
        return wakeups.get();
    }

    boolean isClosed() {
        return closed;
    }

    EngineShape shape() {
        return shape;
    }

    /** A request arrives. */
    public FakeRequest add(Optional<TransferRoute> route, int[] prompt) {
        return add(route, prompt, false);
    }

    /** A request with an attachment arrives, or one without. */
    FakeRequest add(Optional<TransferRoute> route, int[] prompt, boolean attachment) {
        return add(builder(prompt).route(route).attachment(attachment));
    }

    /** A request arrives whose KV depends on a salt too. */
    FakeRequest add(Optional<TransferRoute> route, int[] prompt, String salt) {
        return add(builder(prompt).route(route).salt(salt));
    }

    /** A request without a route arrives, whose KV depends on a salt too. */
    FakeRequest add(int[] prompt, String salt) {
        return add(builder(prompt).salt(salt));
    }

    private KvRequest.Builder builder(int[] prompt) {
        return KvRequest.builder(name + "-" + added++, prompt);
    }

    private FakeRequest add(KvRequest.Builder kv) {
        FakeRequest request = new FakeRequest(kv.build());
        requests.add(request);
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

    /** One step of all requests, idle if nothing is to be computed. */
    public WorkerReport step() {
        for (FakeRequest request : requests.all()) {
            if (!request.held) {
                admit(request);
            }
        }
        return step(requests.all());
    }

    /**
     * One step of some requests.
     *
     * @param some those of them that run take part
     * @return as the connector reported at the step's end
     */
    public WorkerReport step(List<FakeRequest> some) {
        kv.enter();
        List<StepPlan.Entry> entries =
                some.stream()
                        .filter(request -> request.state == State.RUNNING)
                        .map(FakeRequest::nextEntry)
                        .toList();
        StepMetadata metadata = scheduler.buildStep(StepPlan.of(entries));
        long deadlineNs = System.nanoTime() + stepNs;
        worker.startLoad(metadata);
        onLoadsAt(LoadMoment.STARTED);
        for (int layer = 0; layer < shape.layout().layers(); layer++) {
            worker.awaitLayer(layer, deadlineNs);
            for (StepPlan.Entry entry : entries) {
                compute(layer, entry);
            }
            worker.saveLayer(layer);
            kv.onSaved(layer);
            if (layer == 0) {
                onLoadsAt(LoadMoment.BETWEEN_LAYERS);
            }
        }
        boolean saved = worker.awaitSaves(deadlineNs);
        WorkerReport report = poll();
        require(saved, "awaitSaves passed its deadline: ", metadata);
        entries.forEach(this::advance);
        return report;
    }

    private void onLoadsAt(LoadMoment moment) {
        requests.onLoadsAt(moment);
    }

    /** Takes the connector's report between two steps. */
    public WorkerReport poll() {
        WorkerReport report = worker.pollFinished();
        scheduler.onStepDone(report);
        requests.apply(report);
        return report;
    }

    /** Looks at every byte that was loaded; waits for the stream. */
    public void verify() {
        kv.verify();
    }

    /** Drops a request that has ended, and of which the connector reports nothing more. */
    public void forget(FakeRequest request) {
        requests.forget(request);
    }

    /** The client leaves, or the engine gives up. */
    void leave(FakeRequest request) {
        if (!request.ended()) {
            requests.end(request, Ending.LEFT);
        }
    }

    /** The engine takes a request's blocks away, and doesn't go on with it here. */
    void preempt(FakeRequest request) {
        requests.preempt(request);
    }

    void leaveAll() {
        requests.all().forEach(this::leave);
    }

    /** Lets the following computations take their time: see {@link KvMemory#delay}. */
    void lag() {
        kv.delay();
    }

    /** First byte that somebody wrote to a released request's blocks, in words; or empty. */
    String touched(FakeRequest request) {
        return kv instanceof FakeKv checked ? checked.touched(request.blocks) : "";
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            kv.enter();
            try {
                connector.close();
            } finally {
                kv.close();
            }
        }
    }

    /** Closes the connector alone: a thread may still be within it, and use the memory. */
    void abandon() {
        if (!closed) {
            closed = true;
            connector.close();
        }
    }

    @Override
    public String toString() {
        return "%s[%s ledger=%s %s]"
                .formatted(
                        name,
                        connector.address(),
                        connector.ledger(),
                        requests.all().stream()
                                .filter(request -> !request.ended() || !request.released)
                                .toList());
    }

    /**
     * Gives a waiting request its blocks, as soon as the connector knows whether it can be loaded.
     *
     * @return true if the request takes part in steps now
     */
    public boolean admit(FakeRequest request) {
        kv.enter();
        if (request.state == State.WAITING && kv.hasRoomFor(request)) {
            decide(request);
        }
        return request.state == State.RUNNING;
    }

    private void decide(FakeRequest request) {
        LoadDecision decision = scheduler.matchedTokens(request.kv, request.computed);
        request.decision = Optional.of(decision);
        if (decision instanceof LoadDecision.Failed) {
            requests.end(request, Ending.FAILED);
        } else if (decision instanceof LoadDecision.Load load) {
            accept(request, load);
        }
    }

    private void accept(FakeRequest request, LoadDecision.Load load) {
        int tokens = Math.min(load.tokens(), request.acceptsAtMost);
        boolean attached = request.kv.attachment() && tokens == load.tokens();
        request.attachment = attached ? attachment(request) : Optional.empty();
        request.blocks = kv.take(request);
        request.released = false;
        for (int layer = 0; layer < shape.layout().layers(); layer++) {
            kv.compute(layer, request, 0, request.computed);
        }
        request.loading = tokens;
        request.loadsInStep = tokens > 0 && !load.async();
        scheduler.onBlocksAllocated(request.kv, request.blocks, request.computed, tokens);
        String complaint = request.complaint(load);
        require(complaint.isEmpty(), complaint, load);
        if (tokens > 0 && load.async()) {
            request.state = State.LOADING;
        } else {
            request.computed += tokens;
            request.state = State.RUNNING;
        }
        request.onLoadAt(LoadMoment.ALLOCATED);
    }

    private void compute(int layer, StepPlan.Entry entry) {
        FakeRequest request = requests.of(entry.request().id());
        int from = entry.computedTokens();
        if (request.loadsInStep) {
            kv.attend(layer, request, from);
        }
        kv.compute(layer, request, from, from + entry.scheduledTokens());
    }

    // After a step: a load that took part in it is judged, and a complete prompt ends.
    private void advance(StepPlan.Entry entry) {
        FakeRequest request = requests.of(entry.request().id());
        if (request.ended()) {
            return;
        }
        if (request.loadsInStep) {
            require(
                    !request.loaded.isEmpty(),
                    "a load within the step was neither loaded nor failed at its end: ",
                    request);
            request.loadsInStep = false;
            kv.onLoaded(request);
        }
        request.computed += entry.scheduledTokens();
        if (request.computed == request.promptTokens()) {
            request.attaches.ifPresent(content -> attach(request, content));
            requests.end(request, request.loading > 0 ? Ending.LOADED : Ending.COMPUTED);
        }
    }

    private void require(boolean holds, String otherwise, Object about) {
        if (!holds) {
            throw new AssertionError(name + ": " + otherwise + about);
        }
    }
}
