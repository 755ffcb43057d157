// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A part that throws: its own requests fail, the others go on. */
class ThrowingPartTest {

    private static final KvRequest MINE = KvRequest.builder("mine", new int[40]).build();
    private static final KvRequest OTHER = KvRequest.builder("other", new int[40]).build();
    private static final BlockTable BLOCKS = BlockTable.range(0, 4);
    private static final TransferOutcome LOADED = TransferOutcome.builder("other").build();

    private final PlayedPart first = new PlayedPart();
    private final PlayedPart second = new PlayedPart();
    private final MultiConnector whole =
            new MultiConnector(List.of(new Part(0, "a", first), new Part(1, "b", second)));

    @BeforeEach
    void register() {
        MemoryRegion region = MemoryRegion.ofBuffer(ByteBuffer.allocateDirect(64));
        whole.worker().registerKvMemory(List.of(region));
        first.told.clear();
        second.told.clear();
        first.work = StepMetadata.of(List.of(task(MINE)), List.of(task(MINE)));
        second.work = StepMetadata.of(List.of(task(OTHER)), List.of(task(OTHER)));
        second.report = WorkerReport.of(List.of(), List.of(LOADED), List.of());
    }

    @ParameterizedTest
    @ValueSource(strings = {"startLoad", "awaitLayer", "pollFinished"})
    void shouldFailItsLoadsAndKeepTheOthers(String call) {
        first.throwsOn = call;
        WorkerReport report = step();
        assertThat(report.loaded()).containsExactly(LOADED);
        assertThat(report.failedLoads())
                .singleElement()
                .satisfies(
                        failed -> {
                            assertThat(failed.requestId()).isEqualTo("mine");
                            assertThat(failed.failure()).contains(KvError.INTERNAL);
                            assertThat(failed.detail()).isEqualTo("part=0-a call=" + call);
                        });
        whole.scheduler().onStepDone(report);
        assertThat(second.heard.loaded()).containsExactly(LOADED);
        assertThat(second.told).contains("layer 0", "saved");
        first.throwsOn = "";
        assertThat(step().failedLoads()).as("of the next step").isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"saveLayer", "awaitSaves"})
    void shouldKeepLoadsWhereASaveThrows(String call) {
        first.throwsOn = call;
        TransferOutcome loaded = TransferOutcome.builder("mine").build();
        first.report = WorkerReport.of(List.of(), List.of(loaded), List.of());
        assertThat(step().loaded()).containsExactly(loaded, LOADED);
        assertThat(second.told).contains("layer 0", "saved");
    }

    @Test
    void shouldFailLoadsThatAPartCanNotPlan() {
        first.decision = LoadDecision.load(16, false);
        whole.scheduler().matchedTokens(MINE, 0);
        whole.scheduler().onBlocksAllocated(MINE, BLOCKS, 0, 16);
        first.throwsOn = "buildStep";
        second.work = StepMetadata.of(List.of(), List.of(task(MINE)));
        second.report = WorkerReport.EMPTY;
        second.told.clear();
        WorkerReport report = step(StepPlan.of(StepPlan.entry(MINE, BLOCKS, 16, 8)));
        assertThat(report.failedLoads())
                .extracting(TransferOutcome::detail)
                .containsExactly("part=0-a call=buildStep");
        assertThat(second.told).as("nothing of what was never loaded is saved").isEmpty();
    }

    @Test
    void shouldTellAllOfAStepsEnd() {
        first.throwsOn = "onStepDone";
        whole.scheduler().onStepDone(step());
        assertThat(second.heard.loaded()).containsExactly(LOADED);
    }

    @Test
    void shouldTellAllOfARequestsEndAndLoseTheBlocksOfWhoThrew() {
        first.throwsOn = "onRequestFinished";
        assertThat(whole.scheduler().onRequestFinished(MINE))
                .isEqualTo(BlockOwnership.CONNECTOR_OWNS);
        assertThat(second.told).containsExactly("finished mine");
    }

    @Test
    void shouldTellAllOfARequestThatOneRefuses() {
        first.throwsOn = "onRequestAdded";
        assertThatThrownBy(() -> whole.scheduler().onRequestAdded(MINE))
                .hasMessage("onRequestAdded");
        assertThat(second.told).containsExactly("added mine");
    }

    @Test
    void shouldLoadFromALaterOneIfAnEarlierThrows() {
        first.throwsOn = "matchedTokens";
        assertThat(whole.scheduler().matchedTokens(MINE, 0))
                .isEqualTo(LoadDecision.failed(KvError.INTERNAL, "part=0-a call=matchedTokens"));
        second.decision = LoadDecision.load(16, false);
        assertThat(whole.scheduler().matchedTokens(MINE, 0)).isEqualTo(second.decision);
        assertThat(whole.metrics())
                .filteredOn(metric -> metric.name().equals("part_failures_total"))
                .extracting(metric -> metric.labels().get("part") + " " + metric.value())
                .containsExactly("0-a 2.0", "1-b 0.0");
    }

    @Test
    void shouldShowTheOthersFiguresEventsAndHealth() {
        first.throwsOn = "metrics";
        assertThat(whole.metrics())
                .filteredOn(metric -> metric.name().equals("blocks"))
                .extracting(metric -> metric.labels().get("part"))
                .containsExactly("1-b");
        first.throwsOn = "takeEvents";
        assertThat(whole.takeEvents()).hasSize(1);
        first.throwsOn = "health";
        assertThat(whole.health().reason()).isEqualTo("part=0-a call=health");
    }

    private WorkerReport step() {
        return step(StepPlan.of());
    }

    private WorkerReport step(StepPlan plan) {
        whole.worker().startLoad(whole.scheduler().buildStep(plan));
        whole.worker().awaitLayer(0, 0);
        whole.worker().saveLayer(0);
        whole.worker().awaitSaves(0);
        return whole.worker().pollFinished();
    }

    private static StepMetadata.Task task(KvRequest request) {
        return StepMetadata.task(request, BLOCKS, 0, 16);
    }
}
