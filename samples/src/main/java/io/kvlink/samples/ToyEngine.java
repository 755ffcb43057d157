// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * An inference engine in one file, over any connector: a model to start one's own from. Its model
 * is a toy: the KV of a token follows from all tokens up to it, and the next token from all KV that
 * is in the blocks. So wrong KV gives a wrong answer. Computes one request at a time, and is called
 * by one thread.
 */
public final class ToyEngine implements AutoCloseable {

    private static final int LAYERS = 3;
    private static final int BLOCKS = 64;
    private static final long DEADLINE_NS = TimeUnit.SECONDS.toNanos(20);
    private static final KvLayout LAYOUT =
            KvLayout.single("toy-model", LAYERS, 2, 4, DType.F32, 16);

    /**
     * Answer to a prompt.
     *
     * @param text the tokens behind the prompt, as letters
     * @param loaded tokens of the prompt whose KV was loaded
     * @param failure reason why it wasn't; empty if it was, or nobody had it
     */
    public record Answer(String text, int loaded, String failure) {}

    private final KvConnector connector;
    private final KvScheduler scheduler;
    private final KvWorker worker;
    private final List<ByteBuffer> memory = new ArrayList<>();
    private final Deque<Integer> free = new ArrayDeque<>();
    // Blocks that the connector owns, of requests that have ended.
    private final Map<String, BlockTable> owned = new HashMap<>();
    private final Map<String, Optional<TransferOutcome>> ended = new HashMap<>();
    // Filled by the connector's threads.
    private final Semaphore wakeups = new Semaphore(0);
    private int requests;

    /**
     * Opens a connector.
     *
     * @param connectors those to choose from
     * @param config {@code kv_transfer_config}
     */
    public ToyEngine(KvConnectors connectors, Map<String, Object> config) {
        KvTransferConfig transfer = KvTransferConfig.of(config);
        connector =
                connectors
                        .named(transfer.connector())
                        .create(
                                transfer,
                                KvConnectorContext.builder(LAYOUT, wakeups::release)
                                        .hostPools(connectors.hostPool())
                                        .build());
        scheduler = connector.scheduler();
        worker = connector.worker();
        for (int layer = 0; layer < LAYERS; layer++) {
            memory.add(ByteBuffer.allocateDirect(Math.toIntExact(BLOCKS * LAYOUT.blockBytes())));
        }
        worker.registerKvMemory(memory.stream().map(MemoryRegion::ofBuffer).toList());
        for (int block = 0; block < BLOCKS; block++) {
            free.add(block);
        }
    }

    /** The connector, for its address and its abilities. */
    public KvConnector connector() {
        return connector;
    }

    /**
     * Answers a prompt.
     *
     * @param prompt any text
     * @param route instances between which its KV moves; empty for a store, or for nobody
     * @param tokens length of the answer
     */
    public Answer answer(String prompt, Optional<TransferRoute> route, int tokens)
            throws InterruptedException {
        int[] sequence = Arrays.copyOf(prompt.chars().toArray(), prompt.length() + tokens);
        int[] ids = Arrays.copyOf(sequence, prompt.length());
        KvRequest request = KvRequest.builder("toy-" + requests++, ids).route(route).build();
        scheduler.onRequestAdded(request);
        LoadDecision decision = awaitDecision(request);
        BlockTable blocks = take(sequence.length);
        int loaded = decision instanceof LoadDecision.Load load ? load.tokens() : 0;
        boolean async = decision instanceof LoadDecision.Load load && load.async();
        String failure = decision instanceof LoadDecision.Failed failed ? "" + failed.error() : "";
        scheduler.onBlocksAllocated(request, blocks, 0, loaded);
        if (async) {
            awaitReport(request.id());
            failure = failureOf(request.id());
        }
        int computed = failure.isEmpty() ? loaded : 0;
        step(
                StepPlan.of(StepPlan.entry(request, blocks, computed, ids.length - computed)),
                sequence);
        if (loaded > 0 && !async && !failureOf(request.id()).isEmpty()) {
            failure = failureOf(request.id());
            step(StepPlan.of(StepPlan.entry(request, blocks, 0, ids.length)), sequence);
        }
        for (int at = ids.length; at < sequence.length; at++) {
            sequence[at] = next(blocks, at);
            scheduler.onTokensGenerated(request, new int[] {sequence[at]});
            step(StepPlan.of(StepPlan.entry(request, blocks, at, 1)), sequence);
        }
        finish(request, blocks);
        String text = new String(sequence, ids.length, tokens);
        return new Answer(text, failure.isEmpty() ? loaded : 0, failure);
    }

    /** Steps until the connector has nothing more to do, so that all blocks are free. */
    public void settle() throws InterruptedException {
        long endNs = System.nanoTime() + DEADLINE_NS;
        while (!(owned.isEmpty() && connector.ledger().idle()) && System.nanoTime() < endNs) {
            idle();
        }
    }

    // A request whose KV isn't there yet waits; after the deadline it is computed here.
    private LoadDecision awaitDecision(KvRequest request) throws InterruptedException {
        long endNs = System.nanoTime() + DEADLINE_NS;
        LoadDecision decision = scheduler.matchedTokens(request, 0);
        while (decision instanceof LoadDecision.AskAgain && System.nanoTime() < endNs) {
            idle();
            decision = scheduler.matchedTokens(request, 0);
        }
        return decision;
    }

    // The blocks belong to the connector meanwhile, and its own deadline ends that.
    private void awaitReport(String id) throws InterruptedException {
        while (!ended.containsKey(id)) {
            idle();
        }
    }

    private String failureOf(String id) {
        return ended.getOrDefault(id, Optional.empty())
                .flatMap(TransferOutcome::failure)
                .map(Enum::name)
                .orElse("");
    }

    private void idle() throws InterruptedException {
        boolean asked = wakeups.tryAcquire(10, TimeUnit.MILLISECONDS);
        if (asked) {
            wakeups.drainPermits();
        }
        step(StepPlan.of(), new int[0]);
    }

    /** One step: what the plan says is computed, layer by layer, around the connector's calls. */
    private void step(StepPlan plan, int[] sequence) {
        long deadlineNs = System.nanoTime() + DEADLINE_NS;
        worker.startLoad(scheduler.buildStep(plan));
        for (int layer = 0; layer < LAYERS; layer++) {
            worker.awaitLayer(layer, deadlineNs);
            for (StepPlan.Entry entry : plan.entries()) {
                int end = entry.computedTokens() + entry.scheduledTokens();
                for (int token = entry.computedTokens(); token < end; token++) {
                    compute(layer, entry.blocks(), sequence, token);
                }
            }
            worker.saveLayer(layer);
        }
        worker.awaitSaves(deadlineNs);
        WorkerReport report = worker.pollFinished();
        scheduler.onStepDone(report);
        report.loaded().forEach(outcome -> ended.put(outcome.requestId(), Optional.of(outcome)));
        report.failedLoads()
                .forEach(outcome -> ended.put(outcome.requestId(), Optional.of(outcome)));
        for (TransferOutcome outcome : report.sent()) {
            BlockTable sent = owned.remove(outcome.requestId());
            giveBack(sent == null ? BlockTable.of() : sent);
        }
    }

    /** "Computes" keys and values of a token. */
    private void compute(int layer, BlockTable blocks, int[] sequence, int token) {
        Random content =
                new Random(31L * Arrays.hashCode(Arrays.copyOf(sequence, token + 1)) + layer);
        ByteBuffer region = memory.get(layer);
        for (KvLayout.Run run : LAYOUT.runs(blocks, token, token + 1, region.capacity())) {
            for (int at = 0; at < run.bytes(); at += Float.BYTES) {
                region.putFloat(Math.toIntExact(run.offset() + at), content.nextFloat());
            }
        }
    }

    /** "Attention" over all KV so far, and the token that follows. */
    private int next(BlockTable blocks, int tokens) {
        long hash = 1;
        for (ByteBuffer region : memory) {
            for (KvLayout.Run run : LAYOUT.runs(blocks, 0, tokens, region.capacity())) {
                for (int at = 0; at < run.bytes(); at += Integer.BYTES) {
                    hash = 31 * hash + region.getInt(Math.toIntExact(run.offset() + at));
                }
            }
        }
        return 'a' + Math.floorMod(Long.hashCode(hash), 26);
    }

    private BlockTable take(int tokens) {
        int[] blocks = new int[(tokens + LAYOUT.blockSize() - 1) / LAYOUT.blockSize()];
        Arrays.setAll(blocks, i -> free.removeFirst());
        return BlockTable.of(blocks);
    }

    private void finish(KvRequest request, BlockTable blocks) {
        if (scheduler.onRequestFinished(request) == BlockOwnership.FREE_NOW) {
            giveBack(blocks);
        } else {
            owned.put(request.id(), blocks);
        }
        ended.remove(request.id());
    }

    private void giveBack(BlockTable blocks) {
        for (int i = 0; i < blocks.size(); i++) {
            free.add(blocks.block(i));
        }
    }

    @Override
    public void close() {
        connector.close();
    }

    /**
     * Lets one engine compute a prompt, and another continue it.
     *
     * @param connectors those to choose from
     * @param name of the connector
     * @param extra its {@code kv_connector_extra_config}
     * @param prompt any text
     * @return the first one's answer of one token, and the other one's
     */
    static List<Answer> askBoth(
            KvConnectors connectors, String name, Map<String, Object> extra, String prompt)
            throws Exception {
        ExecutorService threadOfP = Executors.newSingleThreadExecutor();
        ExecutorService threadOfD = Executors.newSingleThreadExecutor();
        try (ToyEngine p = open(threadOfP, connectors, config(name, "kv_producer", extra));
                ToyEngine d = open(threadOfD, connectors, config(name, "kv_consumer", extra))) {
            boolean peers = p.connector().capabilities().contains(KvCapability.PEERS);
            Optional<TransferRoute> route = peers ? Optional.of(route(p, d)) : Optional.empty();
            Future<Answer> ofP = threadOfP.submit(() -> p.answerAndSettle(prompt, route, 1));
            if (!peers) {
                ofP.get(); // A store has it from here on.
            }
            Future<Answer> ofD = threadOfD.submit(() -> d.answerAndSettle(prompt, route, 20));
            return List.of(ofP.get(), ofD.get());
        } finally {
            threadOfP.shutdown();
            threadOfD.shutdown();
        }
    }

    // One thread makes all calls of the halves, the first one too.
    private static ToyEngine open(
            ExecutorService thread, KvConnectors connectors, Map<String, Object> config)
            throws Exception {
        return thread.submit(() -> new ToyEngine(connectors, config)).get();
    }

    private static TransferRoute route(ToyEngine p, ToyEngine d) {
        Random random = new Random();
        return new TransferRoute(
                p.connector().address().orElseThrow(),
                d.connector().address().orElseThrow(),
                new TransferId(random.nextLong(), random.nextLong(), 0));
    }

    private Answer answerAndSettle(String prompt, Optional<TransferRoute> route, int tokens)
            throws InterruptedException {
        Answer answer = answer(prompt, route, tokens);
        settle();
        return answer;
    }

    static Map<String, Object> config(String name, String role, Map<String, Object> extra) {
        return Map.of(
                "kv_connector",
                name,
                "kv_role",
                role,
                "kv_port",
                0,
                "kv_buffer_size",
                10_000_000,
                "kv_connector_extra_config",
                extra);
    }

    /**
     * Runs two engines over a connector, and prints what was loaded and answered.
     *
     * @param arguments the connector's name, then its settings as {@code key=value}
     */
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> extra = new HashMap<>();
        for (String setting : Arrays.copyOfRange(arguments, 1, arguments.length)) {
            String[] keyAndValue = setting.split("=", 2);
            boolean number = keyAndValue[1].matches("\\d+");
            extra.put(keyAndValue[0], number ? Long.valueOf(keyAndValue[1]) : keyAndValue[1]);
        }
        String prompt = "A prompt of some length, so that a block or two of it are worth a move. ";
        KvConnectors connectors = KvConnectors.load(ToyEngine.class.getClassLoader());
        List<Answer> answers = askBoth(connectors, arguments[0], extra, prompt);
        System.out.printf("P computed %d tokens: %s…%n", prompt.length(), answers.get(0).text());
        Answer ofD = answers.get(1);
        String why = ofD.failure().isEmpty() ? "" : " (" + ofD.failure() + ")";
        System.out.printf("D loaded %d of them%s: %s%n", ofD.loaded(), why, ofD.text());
    }
}
