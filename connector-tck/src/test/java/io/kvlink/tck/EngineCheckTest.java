// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An engine that does one thing wrong at a time. */
class EngineCheckTest {

    private static final EngineShape SHAPE = EngineShape.DEFAULT;
    private static final KvRequest REQUEST = KvRequest.builder("r", new int[40]).build();
    private static final BlockTable BLOCKS = BlockTable.range(0, 3);

    private final CheckedConnectorProvider provider =
            new CheckedConnectorProvider(
                    new MemoryConnectorProvider(
                            Fault.NONE, new JumpingClock(), new FakeDevice(42)));
    private final KvConnector connector =
            provider.create(
                    KvTransferConfig.of(
                            MemoryConnectorProvider.config(KvRole.BOTH, true, 1000, 1000)),
                    KvConnectorContext.builder(SHAPE.layout(), () -> {}).build());
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

    private void begin() {
        worker.registerKvMemory(memory());
        scheduler.onRequestAdded(REQUEST);
        scheduler.matchedTokens(REQUEST, 0);
        scheduler.onBlocksAllocated(REQUEST, BLOCKS, 0, 0);
    }

    private void step(StepPlan plan) {
        worker.startLoad(scheduler.buildStep(plan));
        for (int layer = 0; layer < SHAPE.layout().layers(); layer++) {
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
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(8 * SHAPE.layout().blockBytes()));
        return Collections.nCopies(SHAPE.layout().layers(), MemoryRegion.ofBuffer(bytes));
    }
}
