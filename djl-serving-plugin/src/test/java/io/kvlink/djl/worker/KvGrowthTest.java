// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.KvConnectors;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class KvGrowthTest {

    private static final int BLOCK = 16;

    @TempDir private Path directory;
    private final FakeMemory memory = new FakeMemory(2);
    private WorkerResources resources;
    private Requests requests;
    private KvGrowth growth;
    private int settled;

    @BeforeEach
    void openWorker() {
        Path model = TinyModels.write(directory, 1);
        resources =
                WorkerResources.open(
                        WorkerConfig.of(model, Map.of()),
                        spec -> new FakeDecoder(true, TinyModels.VOCABULARY, 1, 1),
                        () -> KvConnectors.of(List.of(), List.of()),
                        () -> {});
        requests =
                new Requests(
                        new SchedulerInbox(9),
                        resources,
                        new WorkerMetrics(new PrometheusRegistry()),
                        new FailureLog(LoggerFactory.getLogger(KvGrowthTest.class)),
                        () -> 0);
        growth = new KvGrowth(requests, memory, BLOCK);
    }

    @AfterEach
    void closeWorker() {
        resources.close();
        assertThat(memory.violations).isEmpty();
    }

    /** One block, and all of the prompt but its last token. */
    private Sequence loading() {
        Sequence sequence = Sequences.waiting(new int[BLOCK + 1]);
        requests.add(sequence);
        sequence.onSlots(memory.allocate(BLOCK), BLOCK, true, 0);
        requests.onSlots(sequence);
        return sequence;
    }

    private List<Sequence> decodable() {
        return growth.decodable(
                () -> {
                    settled++;
                    return false;
                });
    }

    @Test
    void shouldNotWaitForTheDecoderIfThatMakesNoRoom() {
        Sequence growing = loading();
        growing.onReady();
        loading();
        assertThat(decodable()).isEmpty();
        assertThat(growth.stalled()).isTrue();
        assertThat(settled).isZero();
        assertThat(growing.phase()).isEqualTo(Phase.DECODE);
    }

    @Test
    void shouldWaitForTheDecoderBeforeAnotherGivesWay() {
        Sequence growing = loading();
        growing.onReady();
        Sequence younger = loading();
        younger.onReady();
        assertThat(decodable()).containsExactly(growing);
        assertThat(settled).isEqualTo(1);
        assertThat(younger.phase()).isEqualTo(Phase.WAITING);
    }
}
