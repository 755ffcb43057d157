// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An engine that does one thing wrong at a time. */
class EngineCheckTest {

    private static final KvLayout LAYOUT = KvLayout.single("model", 3, 2, 4, DType.BF16, 16);
    private static final KvRequest REQUEST =
            KvRequest.builder("r", new int[40]).attachment(true).build();
    private static final KvRequest OTHER = KvRequest.builder("other", new int[40]).build();
    private static final BlockTable BLOCKS = BlockTable.range(0, 3);

    private final PlayedConnector played = new PlayedConnector();
    private final AtomicLong nowNs = new AtomicLong();
    private final CheckedConnectorProvider provider =
            new CheckedConnectorProvider(played, nowNs::get);
    private final KvConnector connector = open(provider);
    private final KvScheduler scheduler = connector.scheduler();
    private final KvWorker worker = connector.worker();

    @AfterEach
    void close() {
        connector.close();
    }

    @Test
    void shouldFindNothingInAWholeStep() {
        begin();
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 40)));
        step(StepPlan.of());
        scheduler.onRequestFinished(REQUEST);
        assertThat(provider.violations()).isEmpty();
        assertThat(provider.steps()).isEqualTo(2);
    }

    @Test
    void shouldFindARequestThatWasNotAdded() {
        scheduler.matchedTokens(REQUEST, 0);
        found("matchedTokens: r wasn't added, or has ended");
    }

    @Test
    void shouldFindARequestThatIsAddedTwice() {
        scheduler.onRequestAdded(REQUEST);
        scheduler.onRequestAdded(REQUEST);
        found("onRequestAdded: r a second time");
    }

    @Test
    void shouldFindALoadThatNobodyOffered() {
        scheduler.onRequestAdded(REQUEST);
        scheduler.matchedTokens(REQUEST, 0);
        scheduler.onBlocksAllocated(REQUEST, BLOCKS, 0, 8);
        found("onBlocksAllocated: r loadTokens=8 offered=0");
    }

    @Test
    void shouldFindTooFewBlocks() {
        scheduler.onRequestAdded(REQUEST);
        scheduler.onBlocksAllocated(REQUEST, BlockTable.of(1), 0, 0);
        found("onBlocksAllocated: r room=16");
    }

    @Test
    void shouldFindTokensThatNoStepComputed() {
        begin();
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 8, 8)));
        found("buildStep: r computed=8, told before: 0");
    }

    @Test
    void shouldFindAStepWithoutBlocks() {
        worker.registerKvMemory(memory());
        scheduler.onRequestAdded(REQUEST);
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 8)));
        found("buildStep: r has no blocks");
    }

    @Test
    void shouldFindLayersOutOfOrder() {
        begin();
        worker.startLoad(scheduler.buildStep(StepPlan.of()));
        worker.awaitLayer(1, 0);
        found("awaitLayer: 1 instead of 0");
    }

    @Test
    void shouldFindAStepThatSkipsItsLastLayer() {
        begin();
        worker.startLoad(scheduler.buildStep(StepPlan.of()));
        worker.saveLayer(0);
        worker.awaitSaves(0);
        found("awaitSaves: STARTED saved=1");
    }

    @Test
    void shouldFindAStepWithinAStep() {
        begin();
        scheduler.buildStep(StepPlan.of());
        scheduler.buildStep(StepPlan.of());
        found("buildStep: BUILT");
    }

    @Test
    void shouldFindASecondThread() throws InterruptedException {
        begin();
        Thread other = new Thread(() -> scheduler.matchedTokens(REQUEST, 0), "other");
        other.start();
        other.join();
        found("matchedTokens: another thread than before");
    }

    @Test
    void shouldFindCallsAfterTheEnd() {
        begin();
        scheduler.onRequestFinished(REQUEST);
        scheduler.onRequestFinished(REQUEST);
        found("onRequestFinished: r wasn't added, or has ended");
        connector.close();
        worker.pollFinished();
        assertThat(provider.violations()).contains("pollFinished: the connector is closed");
    }

    @Test
    void shouldFindAStepThatWasNotBuilt() {
        worker.registerKvMemory(memory());
        worker.startLoad(StepMetadata.EMPTY);
        found("startLoad: BETWEEN_STEPS");
    }

    @Test
    void shouldFindMemoryThatIsRegisteredTwice() {
        worker.registerKvMemory(memory());
        worker.registerKvMemory(memory());
        found("registerKvMemory: a second time");
    }

    @Test
    void shouldFindALoadBehindAnotherHeadThanItAskedFor() {
        offer(LoadDecision.load(20, false));
        scheduler.onBlocksAllocated(REQUEST, BLOCKS, 8, 20);
        found("onBlocksAllocated: r computedTokens=8, asked for 0");
    }

    @Test
    void shouldFindBlocksThatAreGivenTwice() {
        begin();
        scheduler.onBlocksAllocated(REQUEST, BLOCKS, 0, 0);
        found("onBlocksAllocated: r a second time");
    }

    @Test
    void shouldFindBlocksOfALoadThatAreGivenAway() {
        load(LoadDecision.load(20, true));
        scheduler.onRequestAdded(OTHER);
        scheduler.onBlocksAllocated(OTHER, BlockTable.of(2, 7, 8), 0, 0);
        found("onBlocksAllocated: other has blocks that the connector still uses for r");
    }

    @Test
    void shouldFindBlocksThatAreReusedBeforeTheyAreSent() {
        begin();
        played.ownership = BlockOwnership.CONNECTOR_OWNS;
        scheduler.onRequestFinished(REQUEST);
        scheduler.onRequestAdded(OTHER);
        scheduler.onBlocksAllocated(OTHER, BLOCKS, 0, 0);
        found("onBlocksAllocated: other has blocks that the connector still uses for r");
    }

    @Test
    void shouldLeaveBlocksThatWereReportedAlone() {
        begin();
        played.ownership = BlockOwnership.CONNECTOR_OWNS;
        scheduler.onRequestFinished(REQUEST);
        played.report = WorkerReport.of(List.of(outcome()), List.of(), List.of());
        step(StepPlan.of());
        scheduler.onRequestAdded(OTHER);
        scheduler.onBlocksAllocated(OTHER, BLOCKS, 0, 0);
        assertThat(provider.violations()).isEmpty();
    }

    @Test
    void shouldFindGrowthIntoBlocksThatTheConnectorUses() {
        load(LoadDecision.load(20, true));
        scheduler.onRequestAdded(OTHER);
        scheduler.onBlocksAllocated(OTHER, BlockTable.range(5, 3), 0, 0);
        step(StepPlan.of(StepPlan.entry(OTHER, BlockTable.of(5, 6, 7, 1), 0, 40)));
        found("buildStep: other has blocks that the connector still uses for r");
    }

    @Test
    void shouldFindOtherBlocksThanWereGiven() {
        begin();
        step(StepPlan.of(StepPlan.entry(REQUEST, BlockTable.range(1, 3), 0, 40)));
        found("buildStep: r has other blocks than it was given");
    }

    @Test
    void shouldFindMoreTokensThanTheBlocksHold() {
        begin();
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 49)));
        found("buildStep: r computes up to 49 in 3 blocks");
    }

    @Test
    void shouldFindAStepOfARequestThatStillLoads() {
        load(LoadDecision.load(20, true));
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 40)));
        found("buildStep: r still loads");
    }

    @Test
    void shouldFindTokensOfALoadThatFailed() {
        load(LoadDecision.load(20, false));
        played.report = WorkerReport.of(List.of(), List.of(), List.of(outcome()));
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 20, 20)));
        played.report = WorkerReport.EMPTY;
        step(StepPlan.of(StepPlan.entry(REQUEST, BlockTable.range(0, 4), 40, 1)));
        found("buildStep: r computed=40, told before: 0");
    }

    @Test
    void shouldLeaveARecomputationAlone() {
        load(LoadDecision.load(20, false));
        played.report = WorkerReport.of(List.of(), List.of(), List.of(outcome()));
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 20, 20)));
        played.report = WorkerReport.EMPTY;
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 40)));
        assertThat(provider.violations()).isEmpty();
    }

    @Test
    void shouldFindAnotherStepThanWasBuilt() {
        begin();
        scheduler.buildStep(StepPlan.of());
        worker.startLoad(StepMetadata.of(List.of(task()), List.of()));
        found(
                "startLoad: StepMetadata[loads=[Task[request=r from=0 to=20]] saves=[]"
                        + " connectorData=0 bytes] instead of StepMetadata[loads=[] saves=[]"
                        + " connectorData=0 bytes]");
    }

    @Test
    void shouldFindALayerThatIsAwaitedTwice() {
        begin();
        worker.startLoad(scheduler.buildStep(StepPlan.of()));
        worker.awaitLayer(0, 0);
        worker.awaitLayer(0, 0);
        found("awaitLayer: 0 instead of 1");
    }

    @Test
    void shouldFindALayerThatIsSavedBeforeItIsLoaded() {
        begin();
        played.step = StepMetadata.of(List.of(task()), List.of());
        worker.startLoad(scheduler.buildStep(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 8))));
        worker.saveLayer(0);
        found("saveLayer: 0 before its load was awaited");
    }

    @Test
    void shouldFindARequestWhoseLoadNobodyAwaited() {
        goesOnAfter(StepMetadata.of(List.of(task()), List.of()));
        found("buildStep: r goes on after a step that skipped its layers");
    }

    @Test
    void shouldLeaveAnAsynchronousLoadThatNobodyAwaitedAlone() {
        load(LoadDecision.load(20, true));
        played.step = StepMetadata.of(List.of(task()), List.of());
        worker.startLoad(scheduler.buildStep(StepPlan.of()));
        played.report = WorkerReport.of(List.of(), List.of(outcome()), List.of());
        scheduler.onStepDone(worker.pollFinished());
        played.step = StepMetadata.EMPTY;
        played.report = WorkerReport.EMPTY;
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 20, 20)));
        assertThat(provider.violations()).isEmpty();
    }

    @Test
    void shouldFindARequestWhoseSavesNobodyAwaited() {
        goesOnAfter(StepMetadata.of(List.of(), List.of(task())));
        found("buildStep: r goes on after a step that skipped its layers");
    }

    private void goesOnAfter(StepMetadata step) {
        begin();
        played.step = step;
        worker.startLoad(scheduler.buildStep(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 8))));
        scheduler.onStepDone(worker.pollFinished());
        played.step = StepMetadata.EMPTY;
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 40)));
    }

    @Test
    void shouldFindAReportThatTheSchedulerNeverGot() {
        begin();
        worker.pollFinished();
        worker.pollFinished();
        found("pollFinished: a second time before onStepDone");
    }

    @Test
    void shouldFindAnotherReportThanThePolledOne() {
        begin();
        played.report = WorkerReport.of(List.of(outcome()), List.of(), List.of());
        worker.pollFinished();
        scheduler.onStepDone(WorkerReport.EMPTY);
        assertThat(provider.violations())
                .singleElement()
                .asString()
                .startsWith("onStepDone: WorkerReport[sent=[] loaded=[] failed=[]] instead of");
    }

    @Test
    void shouldFindAStepThatEndsWithoutAPoll() {
        begin();
        worker.startLoad(scheduler.buildStep(StepPlan.of()));
        scheduler.onStepDone(WorkerReport.EMPTY);
        found("onStepDone: without pollFinished");
    }

    @Test
    void shouldFindAnAttachmentBeforeThePromptIsComputed() {
        begin();
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 39)));
        scheduler.attach(REQUEST, new byte[1]);
        found("attach: r before its prompt is computed");
    }

    @Test
    void shouldFindASecondAttachment() {
        begin();
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 40)));
        scheduler.attach(REQUEST, new byte[1]);
        scheduler.attach(REQUEST, new byte[1]);
        found("attach: r a second time");
    }

    @Test
    void shouldFindAQuestionForAnAttachmentOfARequestWithoutOne() {
        scheduler.onRequestAdded(OTHER);
        scheduler.attachment(OTHER);
        found("attachment: other is one without");
    }

    @Test
    void shouldFindGeneratedTokensBeforeThePromptIsComputed() {
        begin();
        scheduler.onTokensGenerated(REQUEST, new int[] {7});
        found("onTokensGenerated: r before its prompt is computed");
    }

    @Test
    void shouldFindGeneratedTokensThatAreNone() {
        begin();
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 40)));
        scheduler.onTokensGenerated(REQUEST, new int[0]);
        found("onTokensGenerated: r tokens=0");
    }

    @Test
    void shouldFindTokensThatWereComputedAndNeverTold() {
        begin();
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 40)));
        scheduler.onTokensGenerated(REQUEST, new int[] {7});
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 40, 1)));
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 41, 1)));
        assertThat(provider.violations()).as("a step behind one in flight").isEmpty();
        step(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 42, 1)));
        found("buildStep: r computed=42, and onTokensGenerated told 1 behind a prompt of 40");
    }

    @Test
    void shouldFindAnEngineThatTellsNoTokensOfAConnectorThatSavesThem() {
        PlayedConnector saves = new PlayedConnector();
        saves.capabilities = Set.of(KvCapability.GENERATED_TOKENS);
        CheckedConnectorProvider checked = new CheckedConnectorProvider(saves, nowNs::get);
        KvScheduler half = open(checked).scheduler();
        half.onRequestAdded(REQUEST);
        half.onBlocksAllocated(REQUEST, BLOCKS, 0, 0);
        half.buildStep(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 0, 41)));
        half.buildStep(StepPlan.of(StepPlan.entry(REQUEST, BLOCKS, 41, 1)));
        assertThat(checked.violations())
                .contains(
                        "buildStep: r computed=41, and onTokensGenerated told 0 behind a prompt of"
                                + " 40");
    }

    @Test
    void shouldFindAWakeupThatNobodyAnswers() {
        begin();
        played.wakeup.run();
        nowNs.addAndGet(Duration.ofSeconds(11).toNanos());
        found("wakeup: the engine didn't look for PT10S");
    }

    @Test
    void shouldFindAWakeupThatIsAnsweredLate() {
        begin();
        played.wakeup.run();
        nowNs.addAndGet(Duration.ofSeconds(11).toNanos());
        scheduler.matchedTokens(REQUEST, 0);
        found("wakeup: the engine didn't look for PT10S");
    }

    @Test
    void shouldLeaveAWakeupThatIsAnsweredAlone() {
        begin();
        played.wakeup.run();
        nowNs.addAndGet(Duration.ofSeconds(9).toNanos());
        scheduler.matchedTokens(REQUEST, 0);
        nowNs.addAndGet(Duration.ofSeconds(9).toNanos());
        assertThat(provider.violations()).isEmpty();
    }

    @Test
    void shouldFindARequestThatIsPreemptedAndFinished() {
        begin();
        scheduler.onRequestPreempted(REQUEST);
        scheduler.onRequestFinished(REQUEST);
        found("onRequestFinished: r wasn't added, or has ended");
    }

    @Test
    void shouldNameRequestsThatNeverEnd() {
        begin();
        assertThat(provider.unfinished()).containsExactly("r");
        scheduler.onRequestFinished(REQUEST);
        assertThat(provider.unfinished()).isEmpty();
    }

    private void load(LoadDecision.Load decision) {
        offer(decision);
        scheduler.onBlocksAllocated(REQUEST, BLOCKS, 0, decision.tokens());
    }

    private void offer(LoadDecision decision) {
        played.decision = decision;
        worker.registerKvMemory(memory());
        scheduler.onRequestAdded(REQUEST);
        scheduler.matchedTokens(REQUEST, 0);
    }

    private static StepMetadata.Task task() {
        return StepMetadata.task(REQUEST, BLOCKS, 0, 20);
    }

    private static TransferOutcome outcome() {
        return TransferOutcome.builder("r").build();
    }

    private static KvConnector open(CheckedConnectorProvider provider) {
        return provider.create(
                KvTransferConfig.of(Map.of("kv_connector", "played", "kv_role", "kv_both")),
                KvConnectorContext.builder(LAYOUT, () -> {}).build());
    }

    private void begin() {
        worker.registerKvMemory(memory());
        scheduler.onRequestAdded(REQUEST);
        scheduler.matchedTokens(REQUEST, 0);
        scheduler.onBlocksAllocated(REQUEST, BLOCKS, 0, 0);
    }

    private void step(StepPlan plan) {
        worker.startLoad(scheduler.buildStep(plan));
        for (int layer = 0; layer < LAYOUT.layers(); layer++) {
            worker.awaitLayer(layer, 0);
            worker.saveLayer(layer);
        }
        worker.awaitSaves(0);
        WorkerReport report = worker.pollFinished();
        scheduler.onStepDone(report);
    }

    private void found(String violation) {
        assertThat(provider.violations()).containsExactly(violation);
    }

    private static List<MemoryRegion> memory() {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(8 * LAYOUT.blockBytes()));
        return Collections.nCopies(LAYOUT.layers(), MemoryRegion.ofBuffer(bytes));
    }
}
