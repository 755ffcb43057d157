// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import io.kvlink.spi.Availability;
import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvEvent;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A connector that tells a check of each call before, or after, another connector does it. */
final class CheckedConnector implements KvConnector, KvScheduler, KvWorker {

    private final KvConnector real;
    private final KvScheduler scheduler;
    private final KvWorker worker;
    private final EngineCheck check;
    private final StepCheck steps;
    private final Wakeups wakeups;

    CheckedConnector(KvConnector real, EngineCheck check, Wakeups wakeups) {
        this.real = real;
        this.scheduler = real.scheduler();
        this.worker = real.worker();
        this.check = check;
        this.steps = check.steps();
        this.wakeups = wakeups;
    }

    @Override
    public KvScheduler scheduler() {
        return this;
    }

    @Override
    public KvWorker worker() {
        return this;
    }

    @Override
    public Set<KvCapability> capabilities() {
        return real.capabilities();
    }

    @Override
    public Optional<HostPort> address() {
        return real.address();
    }

    @Override
    public String protocol() {
        return real.protocol();
    }

    @Override
    public KvLedger ledger() {
        return real.ledger();
    }

    @Override
    public List<KvMetric> metrics() {
        return real.metrics();
    }

    @Override
    public List<KvEvent> takeEvents() {
        return real.takeEvents();
    }

    @Override
    public Availability health() {
        return real.health();
    }

    @Override
    public void close() {
        check.onClose();
        wakeups.onClose();
        real.close();
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        check.onAdded(request);
        scheduler.onRequestAdded(request);
    }

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        wakeups.onLook();
        LoadDecision answer = scheduler.matchedTokens(request, computedTokens);
        check.onAsked(request, computedTokens, answer);
        return answer;
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        check.onBlocks(request, blocks, computedTokens, loadTokens);
        scheduler.onBlocksAllocated(request, blocks, computedTokens, loadTokens);
    }

    @Override
    public void onTokensGenerated(KvRequest request, int[] tokens) {
        check.onGenerated(request, tokens.length);
        scheduler.onTokensGenerated(request, tokens);
    }

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        wakeups.onLook();
        check.onPlan(plan);
        steps.onPlan(plan);
        StepMetadata step = scheduler.buildStep(plan);
        steps.onBuilt(step);
        return step;
    }

    @Override
    public void onStepDone(WorkerReport report) {
        check.onScheduler("onStepDone");
        steps.onStepDone(report);
        scheduler.onStepDone(report);
    }

    @Override
    public void attach(KvRequest request, byte[] content) {
        check.onAttach(request);
        scheduler.attach(request, content);
    }

    @Override
    public Optional<byte[]> attachment(KvRequest request) {
        check.onAttachmentAsked(request);
        return scheduler.attachment(request);
    }

    @Override
    public BlockOwnership onRequestPreempted(KvRequest request) {
        BlockOwnership answer = scheduler.onRequestPreempted(request);
        check.onEnded("onRequestPreempted", request, answer);
        return answer;
    }

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        BlockOwnership answer = scheduler.onRequestFinished(request);
        check.onEnded("onRequestFinished", request, answer);
        return answer;
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        check.onMemory(layers);
        worker.registerKvMemory(layers);
    }

    @Override
    public void startLoad(StepMetadata step) {
        check.onWorker("startLoad");
        check.onLoadStarted();
        steps.onStart(step);
        worker.startLoad(step);
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        check.onWorker("awaitLayer");
        steps.onAwait(layer);
        worker.awaitLayer(layer, deadlineNs);
    }

    @Override
    public void saveLayer(int layer) {
        check.onWorker("saveLayer");
        steps.onSave(layer);
        worker.saveLayer(layer);
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        check.onWorker("awaitSaves");
        steps.onAwaitSaves();
        return worker.awaitSaves(deadlineNs);
    }

    @Override
    public WorkerReport pollFinished() {
        check.onWorker("pollFinished");
        wakeups.onLook();
        WorkerReport report = worker.pollFinished();
        check.onSpoiled(steps.onPoll(report));
        check.onReport(report);
        return report;
    }
}
