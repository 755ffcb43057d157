// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.Availability;
import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MultiConnectorTest {

    private static final KvRequest REQUEST = KvRequest.builder("r", new int[40]).build();
    private static final BlockTable BLOCKS = BlockTable.range(0, 4);

    private final PlayedPart first = new PlayedPart();
    private final PlayedPart second = new PlayedPart();
    private final MultiConnector whole =
            new MultiConnector(List.of(new Part(0, "a", first), new Part(1, "b", second)));

    @Test
    void shouldLoadFromTheFirstThatHasTheKv() {
        first.decision = LoadDecision.load(16, false);
        second.decision = LoadDecision.load(32, true);
        assertThat(match()).isEqualTo(LoadDecision.load(16, false));
        whole.scheduler().onBlocksAllocated(REQUEST, BLOCKS, 8, 16);
        assertThat(first.told).containsExactly("load 16 behind 8");
        assertThat(second.told).containsExactly("load 0 behind 8");
    }

    @Test
    void shouldLoadFromALaterOneIfAnEarlierFailed() {
        first.decision = LoadDecision.failed(KvError.PEER_LOST, "peer=p:1");
        assertThat(match()).isEqualTo(first.decision);
        second.decision = LoadDecision.load(32, true);
        assertThat(match()).isEqualTo(second.decision);
        assertThat(whole.scheduler().attachment(REQUEST)).contains(new byte[] {0});
        whole.scheduler().onBlocksAllocated(REQUEST, BLOCKS, 0, 32);
        assertThat(second.told).containsExactly("load 32 behind 0");
    }

    @Test
    void shouldWaitForAnEarlierOneThatDoesNotKnowYet() {
        first.decision = LoadDecision.askAgain();
        second.decision = LoadDecision.load(32, true);
        assertThat(match()).isInstanceOf(LoadDecision.AskAgain.class);
        assertThat(whole.scheduler().attachment(REQUEST)).isEmpty();
    }

    @Test
    void shouldForgetWhoHadTheKvWhenNobodyHasItAnyMore() {
        second.decision = LoadDecision.load(32, true);
        match();
        second.decision = LoadDecision.NOTHING;
        assertThat(match()).isEqualTo(LoadDecision.NOTHING);
        whole.scheduler().onBlocksAllocated(REQUEST, BLOCKS, 0, 0);
        assertThat(second.told).containsExactly("load 0 behind 0");
    }

    @Test
    void shouldGiveEachPartItsOwnWork() {
        first.work = StepMetadata.of(List.of(task(0, 8)), List.of(task(8, 16), task(16, 20)));
        second.work =
                StepMetadata.of(List.of(), List.of(task(0, 20)))
                        .withConnectorData(new byte[] {1, 2, 3});
        StepMetadata step = whole.scheduler().buildStep(StepPlan.of());
        assertThat(step.loads()).hasSize(1);
        assertThat(step.saves()).hasSize(3);
        whole.worker().startLoad(step);
        assertThat(first.started).isEqualTo(first.work);
        assertThat(second.started).isEqualTo(second.work);
        whole.worker().startLoad(StepMetadata.EMPTY);
        assertThat(second.started).isEqualTo(StepMetadata.EMPTY);
    }

    @Test
    void shouldHaveNoWorkWhereNoPartHasAny() {
        assertThat(whole.scheduler().buildStep(StepPlan.of())).isSameAs(StepMetadata.EMPTY);
    }

    @Test
    void shouldTakePeersBesideAStore() {
        PlayedPart peers = new PlayedPart(KvCapability.PEERS);
        PlayedPart store = new PlayedPart(KvCapability.STORE);
        try (KvConnector both = made(peers, store)) {
            assertThat(both.capabilities()).contains(KvCapability.PEERS, KvCapability.STORE);
        }
        assertThat(peers.told).containsExactly("close");
        assertThat(store.told).containsExactly("close");
    }

    private static KvConnector made(PlayedPart... parts) {
        List<PlayedPart.Provider> providers = new ArrayList<>();
        List<Map<String, Object>> listed = new ArrayList<>();
        for (PlayedPart part : parts) {
            String name = "played" + providers.size();
            providers.add(new PlayedPart.Provider(name, () -> part));
            listed.add(Map.of("kv_connector", name));
        }
        Map<String, Object> json =
                Map.of(
                        "kv_connector",
                        MultiConnectorProvider.NAME,
                        "kv_role",
                        "kv_both",
                        "kv_connector_extra_config",
                        Map.of("connectors", listed));
        KvLayout layout = KvLayout.single("m", 1, 1, 4, DType.F32, 16);
        return new MultiConnectorProvider()
                .create(
                        KvTransferConfig.of(json),
                        KvConnectorContext.builder(layout, () -> {})
                                .connectors(KvConnectors.of(providers, List.of()))
                                .build());
    }

    @Test
    void shouldReportASaveWhenTheRequestIsOverAndAllPartsHaveLetGo() {
        save(first);
        save(second);
        whole.worker().startLoad(whole.scheduler().buildStep(StepPlan.of()));
        first.report = sent(TransferOutcome.builder("r").plane("tcp").bytes(10).nanos(3).build());
        assertThat(poll().sent()).isEmpty();
        second.ownership = BlockOwnership.CONNECTOR_OWNS;
        assertThat(whole.scheduler().onRequestFinished(REQUEST))
                .isEqualTo(BlockOwnership.CONNECTOR_OWNS);
        assertThat(poll().sent()).isEmpty();
        second.report =
                sent(
                        TransferOutcome.builder("r")
                                .failure(KvError.NO_SPACE, "disk=full")
                                .bytes(5)
                                .build());
        assertThat(poll().sent())
                .singleElement()
                .satisfies(
                        one -> {
                            assertThat(one.failure()).contains(KvError.NO_SPACE);
                            assertThat(one.detail()).isEqualTo("disk=full");
                            assertThat(one.bytes()).isEqualTo(15);
                        });
        assertThat(poll()).isEqualTo(WorkerReport.EMPTY);
    }

    @Test
    void shouldKeepNoBlocksForAPartThatNeverSaysThatItsSaveHasEnded() {
        save(first);
        save(second);
        whole.worker().startLoad(whole.scheduler().buildStep(StepPlan.of()));
        first.ownership = BlockOwnership.CONNECTOR_OWNS;
        whole.scheduler().onRequestFinished(REQUEST);
        first.report = sent(TransferOutcome.builder("r").bytes(10).build());
        assertThat(poll().sent()).hasSize(1);
        second.report = sent(TransferOutcome.builder("r").bytes(5).build());
        assertThat(poll()).as("it was reported").isEqualTo(WorkerReport.EMPTY);
    }

    @Test
    void shouldReportNothingTwiceWhenALoadEndsBehindItsRequest() {
        first.ownership = BlockOwnership.CONNECTOR_OWNS;
        whole.scheduler().onRequestFinished(REQUEST);
        TransferOutcome loaded = TransferOutcome.builder("r").bytes(1).build();
        first.report = WorkerReport.of(List.of(), List.of(loaded), List.of());
        WorkerReport report = poll();
        assertThat(report.loaded()).containsExactly(loaded);
        assertThat(report.sent()).isEmpty();
        assertThat(poll()).isEqualTo(WorkerReport.EMPTY);
    }

    @Test
    void shouldKeepASaveOpenWhoseLoadHasEnded() {
        save(first);
        whole.worker().startLoad(whole.scheduler().buildStep(StepPlan.of()));
        first.report =
                WorkerReport.of(
                        List.of(), List.of(TransferOutcome.builder("r").build()), List.of());
        first.ownership = BlockOwnership.CONNECTOR_OWNS;
        whole.scheduler().onRequestFinished(REQUEST);
        assertThat(poll().sent()).isEmpty();
        first.report = sent(TransferOutcome.builder("r").build());
        assertThat(poll().sent()).hasSize(1);
    }

    @Test
    void shouldTellEachPartItsOwnReport() {
        TransferOutcome failed =
                TransferOutcome.builder("r").failure(KvError.DEADLINE, "late").build();
        second.report = WorkerReport.of(List.of(), List.of(), List.of(failed));
        WorkerReport report = poll();
        assertThat(report.failedLoads()).containsExactly(failed);
        whole.scheduler().onStepDone(report);
        assertThat(second.heard.failedLoads()).containsExactly(failed);
        assertThat(first.heard.failedLoads()).isEmpty();
    }

    @Test
    void shouldBeAsHealthyAsItsWorstPart() {
        assertThat(whole.health().ready()).isTrue();
        second.health = Availability.missing("thread=kv-ctl has ended");
        assertThat(whole.health().reason()).isEqualTo("thread=kv-ctl has ended");
    }

    @Test
    void shouldSpeakWhatThePartAtItsAddressSpeaks() {
        assertThat(whole.protocol()).isEmpty();
        second.address = Optional.of(new HostPort("127.0.0.1", 2));
        assertThat(whole.protocol()).as("its name, if it says none").isEqualTo("b");
        second.protocol = "p2p/3,p2p/4";
        first.protocol = "other/1";
        assertThat(whole.protocol()).isEqualTo("p2p/3,p2p/4");
        first.address = Optional.of(new HostPort("127.0.0.1", 1));
        assertThat(whole.address()).isEqualTo(first.address);
        assertThat(whole.protocol()).isEqualTo("other/1");
    }

    @Test
    void shouldCloseAllPartsAlsoIfOneThrows() {
        second.closeFails = true;
        assertThatThrownBy(whole::close).hasMessage("close");
        assertThat(first.told).containsExactly("close");
        first.closeFails = true;
        assertThatThrownBy(whole::close)
                .satisfies(failure -> assertThat(failure.getSuppressed()).hasSize(1));
    }

    @Test
    void shouldHaveWhatAPartHasAndNameFiguresByPart() {
        assertThat(whole.capabilities())
                .contains(KvCapability.GENERATED_TOKENS, KvCapability.BOTH_ROLES);
        assertThat(whole.metrics())
                .extracting(metric -> metric.name() + " " + metric.labels().get("part"))
                .containsExactly(
                        "blocks 0-a",
                        "part_failures_total 0-a",
                        "blocks 1-b",
                        "part_failures_total 1-b");
    }

    @Test
    void shouldTellPartsOfAWholeInAWholeApart() {
        MultiConnector outer =
                new MultiConnector(List.of(new Part(0, "c", first), new Part(1, "w", whole)));
        assertThat(outer.metrics())
                .filteredOn(metric -> metric.name().equals("blocks"))
                .extracting(metric -> metric.labels().get("part"))
                .containsExactly("0-c", "1-w/0-a", "1-w/1-b");
    }

    private LoadDecision match() {
        return whole.scheduler().matchedTokens(REQUEST, 0);
    }

    private WorkerReport poll() {
        return whole.worker().pollFinished();
    }

    private static void save(PlayedPart part) {
        part.work = StepMetadata.of(List.of(), List.of(task(0, 8)));
    }

    private static StepMetadata.Task task(int from, int to) {
        return StepMetadata.task(REQUEST, BLOCKS, from, to);
    }

    private static WorkerReport sent(TransferOutcome outcome) {
        return WorkerReport.of(List.of(outcome), List.of(), List.of());
    }
}
