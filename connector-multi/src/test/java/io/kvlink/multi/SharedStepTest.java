// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvCapability;
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

/** Steps in which one part loads what another saves. */
class SharedStepTest {

    private static final int LAYERS = 2;
    private static final KvRequest REQUEST = KvRequest.builder("r", new int[40]).build();
    private static final BlockTable BLOCKS = BlockTable.range(0, 4);
    private static final WorkerReport LOADED =
            WorkerReport.of(
                    List.of(), List.of(TransferOutcome.builder("r").bytes(1).build()), List.of());
    private static final WorkerReport FAILED =
            WorkerReport.of(
                    List.of(),
                    List.of(),
                    List.of(
                            TransferOutcome.builder("r")
                                    .failure(KvError.PEER_LOST, "peer=gone")
                                    .build()));

    private final PlayedPart peers = new PlayedPart(KvCapability.PEERS);
    private final PlayedPart store = new PlayedPart(KvCapability.STORE);
    private final MultiConnector whole =
            new MultiConnector(List.of(new Part(0, "p", peers), new Part(1, "s", store)));

    @BeforeEach
    void register() {
        MemoryRegion region = MemoryRegion.ofBuffer(ByteBuffer.allocateDirect(64));
        whole.worker().registerKvMemory(List.of(region, region));
        peers.told.clear();
        store.told.clear();
    }

    @Test
    void shouldSaveWhatAnotherLoadsWhenTheLoadIsWhole() {
        peers.work = StepMetadata.of(List.of(task("r")), List.of());
        store.work = StepMetadata.of(List.of(), List.of(task("r")));
        peers.report = LOADED;
        compute(LAYERS);
        assertThat(store.told).as("before the outcome").isEmpty();
        assertThat(whole.worker().awaitSaves(0)).isTrue();
        assertThat(store.told).containsExactly("layer 0", "layer 1", "saved");
        assertThat(whole.worker().pollFinished().loaded()).as("told once").hasSize(1);
        assertThat(whole.worker().pollFinished()).isEqualTo(WorkerReport.EMPTY);
    }

    @Test
    void shouldSaveNothingOfAStepWhoseLoadFailed() {
        peers.work = StepMetadata.of(List.of(task("r")), List.of());
        store.work = StepMetadata.of(List.of(), List.of(task("other"), task("r")));
        peers.report = FAILED;
        compute(LAYERS);
        assertThat(whole.worker().awaitSaves(0)).isTrue();
        assertThat(store.told).isEmpty();
        assertThat(whole.worker().pollFinished().failedLoads()).hasSize(1);
    }

    @Test
    void shouldSaveNothingWhileALoadIsNotReported() {
        store.work = StepMetadata.of(List.of(task("r")), List.of());
        peers.work = StepMetadata.of(List.of(), List.of(task("r")));
        compute(LAYERS);
        whole.worker().awaitSaves(0);
        assertThat(peers.told).isEmpty();
    }

    @Test
    void shouldSaveNothingOfAStepThatLacksLayers() {
        peers.work = StepMetadata.of(List.of(task("r")), List.of());
        store.work = StepMetadata.of(List.of(), List.of(task("r")));
        peers.report = LOADED;
        compute(LAYERS - 1);
        whole.worker().awaitSaves(0);
        assertThat(store.told).isEmpty();
    }

    @Test
    void shouldSaveOthersLayersAtOnce() {
        peers.work = StepMetadata.of(List.of(task("r")), List.of());
        store.work = StepMetadata.of(List.of(), List.of(task("other")));
        compute(LAYERS);
        assertThat(store.told).containsExactly("layer 0", "layer 1");
    }

    @Test
    void shouldBeginEachStepAnew() {
        shouldSaveNothingOfAStepWhoseLoadFailed();
        peers.work = StepMetadata.EMPTY;
        compute(LAYERS);
        whole.worker().awaitSaves(0);
        assertThat(store.told).containsExactly("layer 0", "layer 1", "saved");
    }

    @Test
    void shouldTellAStoreOfStorableTokensOnly() {
        StepPlan.Entry cut = StepPlan.entry(REQUEST, BLOCKS, 16, 16).storableTokens(24);
        StepPlan.Entry none = StepPlan.entry(REQUEST, BLOCKS, 16, 16).storableTokens(0);
        whole.scheduler().buildStep(StepPlan.of(cut, none));
        assertThat(peers.plan.entries()).containsExactly(cut, none);
        assertThat(store.plan.entries())
                .extracting(StepPlan.Entry::computedTokens, StepPlan.Entry::scheduledTokens)
                .containsExactly(tuple(16, 8), tuple(0, 0));
    }

    @Test
    void shouldSayWhetherAStoreHasTheKv() {
        store.decision = LoadDecision.load(16, false);
        assertThat(whole.scheduler().matchedTokens(REQUEST, 0))
                .isEqualTo(LoadDecision.load(16, false).byTokens(true));
        peers.decision = LoadDecision.load(32, false);
        assertThat(whole.scheduler().matchedTokens(REQUEST, 0))
                .isEqualTo(LoadDecision.load(32, false));
    }

    private void compute(int layers) {
        whole.worker().startLoad(whole.scheduler().buildStep(StepPlan.of()));
        for (int layer = 0; layer < layers; layer++) {
            whole.worker().awaitLayer(layer, 0);
            whole.worker().saveLayer(layer);
        }
    }

    private static StepMetadata.Task task(String request) {
        return StepMetadata.task(KvRequest.builder(request, new int[40]).build(), BLOCKS, 0, 16);
    }
}
