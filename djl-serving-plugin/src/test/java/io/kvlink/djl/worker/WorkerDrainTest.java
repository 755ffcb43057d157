// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.WorkerHealth;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.FakeConnector.Loading;
import io.kvlink.spi.TransferRoute;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class WorkerDrainTest extends StartedWorkers {

    @BeforeAll
    static void writeModel() {
        writeModel(2);
    }

    @Test
    void shouldEndWhatItHasAndTakeNothingNew() throws Exception {
        FakeConnector connector = decode(Loading.IN_STEP);
        LlamaWorker worker = worker(connector, Map.of("max_running", 1));
        int[] prompt = Prompts.random(20, 1);
        Listening running = submit(worker, Prompts.local(prompt, 60));
        Listening waiting = submit(worker, Prompts.local(prompt, 10));
        running.firstToken.get(Listening.DEADLINE_S, TimeUnit.SECONDS);
        Future<?> drained = worker.drain();

        assertThatThrownBy(() -> submit(worker, Prompts.local(prompt, 1)))
                .isInstanceOfSatisfying(
                        GenerationException.class,
                        refused ->
                                assertThat(refused.kind())
                                        .isEqualTo(GenerationException.Kind.CLOSED))
                .hasMessageContaining("worker=draining");
        assertThat(worker.health()).isEqualTo(WorkerHealth.DRAINING);
        assertThat(worker.status().draining()).isTrue();

        await(drained);
        assertThat(running.ended()).isTrue();
        assertThat(waiting.result().finishReason()).isEqualTo(GenerationResult.FinishReason.LENGTH);
        assertThat(worker.drain()).isSameAs(drained);
        requireAllFree(worker);
    }

    @Test
    void shouldWaitForTheBlocksThatItsConnectorStillReads() throws Exception {
        FakeConnector connector = prefill();
        connector.ownsBlocks = true;
        LlamaWorker worker = worker(connector, Map.of());
        saved(worker);
        Future<?> drained = worker.drain();

        submitRefused(worker);
        assertThat(drained.isDone()).isFalse();
        connector.release();
        await(drained);
    }

    @Test
    void shouldWaitForTransfersThatItsPeersMayStillFetch() throws Exception {
        FakeConnector connector = prefill();
        connector.transfers = 1;
        LlamaWorker worker = worker(connector, Map.of());
        saved(worker);
        Future<?> drained = worker.drain();

        submitRefused(worker);
        assertThat(drained.isDone()).isFalse();
        connector.transfers = 0;
        await(drained);
    }

    /** KV that came for a request which goes elsewhere now is nobody's loss. */
    @Test
    void shouldNotWaitForWhatComesToAConsumer() throws Exception {
        FakeConnector connector = decode(Loading.IN_STEP);
        connector.transfers = 1;
        String consumer = FAKE.replace("kv_both", "kv_consumer");
        LlamaWorker worker = worker(connector, Map.of("kv_transfer_config", consumer));
        await(worker.drain());
    }

    @Test
    void shouldBeDrainedWhenItIsClosed() throws Exception {
        FakeConnector connector = prefill();
        connector.transfers = 1;
        LlamaWorker worker = worker(connector, Map.of());
        Future<?> drained = worker.drain();
        worker.close();
        await(drained);
    }

    private static void saved(LlamaWorker worker) throws Exception {
        Optional<TransferRoute> route = Prompts.route(P, D, 1);
        submit(worker, Prompts.random(20, 1), 1, SamplingParams.GREEDY, route).result();
    }

    /**
     * Submits a request that is refused, whether turns of the worker's thread pass meanwhile or
     * not.
     */
    private static void submitRefused(LlamaWorker worker) {
        assertThatThrownBy(() -> submit(worker, Prompts.local(Prompts.random(3, 1), 1)))
                .isInstanceOf(GenerationException.class);
    }

    private static void await(Future<?> drained) throws Exception {
        drained.get(Listening.DEADLINE_S, TimeUnit.SECONDS);
    }
}
