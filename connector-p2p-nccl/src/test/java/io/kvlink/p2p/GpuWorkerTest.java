// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeProcess;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.planes.GpuPlanes;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Two engines on simulated GPUs, whose work runs late and in any order that is legal. */
@Timeout(60)
class GpuWorkerTest {

    private static final String ROOM = "1e6";

    private final Random random = new Random(5);
    private final FakeCuda cuda = new FakeCuda(2, 5);
    private final FakeProcess process = cuda.newProcess();
    private final List<GpuEngine> engines = new ArrayList<>();
    private int lastId;

    GpuWorkerTest() {
        cuda.stepsPerPoll(2);
        cuda.patienceMs(20_000);
    }

    @AfterEach
    void nothingIsLeft() {
        engines.forEach(GpuEngine::close);
        assertThat(cuda.failures()).isEmpty();
        assertThat(process.leaks()).isEmpty();
    }

    private GpuEngine open(
            int gpu, String role, String sendType, String buffer, UnaryOperator<DataPlane> wrap) {
        GpuEngine engine =
                new GpuEngine(
                        new GpuEngine.Machine(process, wrap, GpuPlanes::openCudaIpc),
                        gpu,
                        role,
                        sendType,
                        buffer);
        engines.add(engine);
        return engine;
    }

    private KvRequest request(GpuEngine p, GpuEngine d, int tokens) {
        TransferRoute route =
                new TransferRoute(
                        p.connector.address().orElseThrow(),
                        d.connector.address().orElseThrow(),
                        new TransferId(1, ++lastId, 0));
        int[] prompt = random.ints(tokens + 1, 0, 100).toArray();
        return KvRequest.builder("r" + lastId, prompt).route(route).build();
    }

    private List<byte[]> content(int tokens) {
        List<byte[]> content = new ArrayList<>();
        for (int layer = 0; layer < GpuEngine.LAYERS; layer++) {
            byte[] bytes = new byte[Math.toIntExact(GpuEngine.LAYOUT.layerBytes(tokens))];
            random.nextBytes(bytes);
            content.add(bytes);
        }
        return content;
    }

    private BlockTable blocks(int tokens, boolean scattered) {
        int count = (tokens + 16) / 16;
        int[] blocks = IntStream.range(7, 7 + count).toArray();
        return BlockTable.of(
                scattered
                        ? random.ints(0, GpuEngine.BLOCKS).distinct().limit(count).toArray()
                        : blocks);
    }

    @ParameterizedTest
    @CsvSource({
        "PUT_ASYNC, 1e6, 100",
        "PUT, 1e6, 33",
        "GET, 1e6, 100",
        "PUT_ASYNC, 1e1, 100",
        "PUT, 1e1, 33",
        "GET, 1e1, 100",
        "PUT_ASYNC, 1e6, 700"
    })
    void shouldLoadWhatTheDeviceWroteLate(String sendType, String buffer, int tokens) {
        GpuEngine p = open(0, "kv_producer", sendType, buffer, UnaryOperator.identity());
        GpuEngine d = open(1, "kv_consumer", sendType, buffer, UnaryOperator.identity());
        for (int turn = 0; turn < 4; turn++) {
            KvRequest request = request(p, d, tokens);
            List<byte[]> content = content(tokens);
            d.connector.scheduler().onRequestAdded(request);
            BlockTable saved = blocks(tokens, turn % 2 == 1);
            p.prefill(request, saved, content);
            assertThat(d.awaitDecision(request)).isInstanceOf(LoadDecision.Load.class);
            List<byte[]> loaded = new ArrayList<>();
            WorkerReport report = d.load(request, blocks(tokens, turn > 1), loaded);
            assertThat(report.loaded()).hasSize(1);
            assertThat(report.loaded().get(0).bytes())
                    .isEqualTo(GpuEngine.LAYERS * GpuEngine.LAYOUT.layerBytes(tokens));
            assertThat(loaded).usingRecursiveComparison().isEqualTo(content);
            d.connector.scheduler().onRequestFinished(request);
            p.connector.scheduler().onRequestFinished(request);
            p.awaitIdle();
            d.awaitIdle();
        }
    }

    @ParameterizedTest
    @CsvSource({"1e6", "1e1"})
    void shouldLetAProducerReuseItsBlocksOnceItsCopiesAreOrdered(String buffer) {
        GpuEngine p = open(0, "kv_producer", "GET", buffer, UnaryOperator.identity());
        GpuEngine d = open(1, "kv_consumer", "GET", ROOM, UnaryOperator.identity());
        KvRequest request = request(p, d, 50);
        List<byte[]> content = content(50);
        BlockTable saved = blocks(50, true);
        p.prefill(request, saved, content);
        p.connector.scheduler().onRequestFinished(request);
        for (int layer = 0; layer < GpuEngine.LAYERS; layer++) {
            p.enqueueWrite(layer, saved, 50, new byte[content.get(0).length]);
        }
        d.connector.scheduler().onRequestAdded(request);
        assertThat(d.awaitDecision(request)).isInstanceOf(LoadDecision.Load.class);
        List<byte[]> loaded = new ArrayList<>();
        d.load(request, blocks(50, false), loaded);
        assertThat(loaded).usingRecursiveComparison().isEqualTo(content);
        p.awaitIdle();
        d.awaitIdle();
    }

    @Test
    void shouldNotOverwriteBlocksThatEnqueuedWorkStillReads() {
        GpuEngine p = open(0, "kv_producer", "PUT_ASYNC", ROOM, UnaryOperator.identity());
        GpuEngine d = open(1, "kv_consumer", "PUT_ASYNC", ROOM, UnaryOperator.identity());
        KvRequest request = request(p, d, 50);
        List<byte[]> content = content(50);
        d.connector.scheduler().onRequestAdded(request);
        p.prefill(request, blocks(50, true), content);
        assertThat(d.awaitDecision(request)).isInstanceOf(LoadDecision.Load.class);
        BlockTable blocks = blocks(50, true);
        byte[] former = content(50).get(0);
        d.enqueueWrite(0, blocks, 50, former);
        long reads = d.enqueueRead(0, blocks, 50);
        List<byte[]> loaded = new ArrayList<>();
        d.load(request, blocks, loaded);
        assertThat(loaded).usingRecursiveComparison().isEqualTo(content);
        assertThat(process.read(reads, former.length)).isEqualTo(former);
        p.awaitIdle();
        d.awaitIdle();
    }

    @Test
    void shouldFailALoadWhoseTransferFailsInTheMiddle() {
        GpuEngine p = open(0, "kv_producer", "PUT_ASYNC", ROOM, UnaryOperator.identity());
        GpuEngine d = open(1, "kv_consumer", "PUT_ASYNC", ROOM, CancellingPlane::new);
        for (int turn = 0; turn < 5; turn++) {
            KvRequest request = request(p, d, 50);
            d.connector.scheduler().onRequestAdded(request);
            p.prefill(request, blocks(50, true), content(50));
            LoadDecision decision = d.awaitDecision(request);
            if (decision instanceof LoadDecision.Load) {
                WorkerReport report = d.load(request, blocks(50, true), new ArrayList<>());
                assertThat(report.loaded()).isEmpty();
                assertThat(report.failedLoads()).hasSize(1);
                assertThat(report.failedLoads().get(0).failure()).isPresent();
            } else {
                assertThat(decision).isInstanceOf(LoadDecision.Failed.class);
            }
            d.connector.scheduler().onRequestFinished(request);
            p.connector.scheduler().onRequestFinished(request);
            p.awaitIdle();
            d.awaitIdle();
        }
    }

    @Test
    void shouldNameTheSettingThatAsksForTooMuchMemory() {
        assertThatThrownBy(() -> open(0, "kv_consumer", "PUT", "2e9", UnaryOperator.identity()))
                .isInstanceOf(KvConnectorException.class)
                .hasMessageContaining("kv_buffer_size=2000000000 device=0 freeBytes=")
                .extracting(cause -> ((KvConnectorException) cause).error())
                .isEqualTo(KvError.BAD_CONFIG);
        process.kill(); // With what the engine had allocated.
    }
}
