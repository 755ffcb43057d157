// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Latency of one request's KV over TCP in one JVM, from the producer's first {@code saveLayer} to
 * the consumer's last {@code awaitLayer}. A bare socket copies the same bytes between the same
 * threads. The two take turns, so that other load on the machine hits both.
 */
public final class RequestBenchmark {

    private static final int WARM_UP_ROUNDS = Integer.getInteger("warmUp", 1000);
    private static final int ROUNDS = Integer.getInteger("rounds", 500);
    private static final int LAYERS = 8;
    // So long both sides know the request before the producer's step begins, and all is quiet.
    private static final long LEAD_NS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final Random RANDOM = new Random(20261122);

    private record Row(
            String sendType, int layerBytes, boolean scattered, long firstLayerNs, String note) {}

    private RequestBenchmark() {}

    /** Prints a table; the arguments, if any, say which rows by their numbers from 0. */
    public static void main(String[] args) throws Exception {
        List<Row> rows =
                List.of(
                        new Row("PUT_ASYNC", 64 << 10, false, 0, ""),
                        new Row("PUT_ASYNC", 1 << 20, false, 0, ""),
                        new Row("PUT_ASYNC", 4 << 20, false, 0, ""),
                        new Row("PUT_ASYNC", 1 << 20, true, 0, ", scattered blocks"),
                        new Row("PUT_ASYNC", 1 << 20, false, 2_000_000, ", first layer 2 ms"),
                        new Row("PUT", 1 << 20, false, 0, ""),
                        new Row("GET", 1 << 20, false, 0, ""));
        System.out.printf(
                Locale.ROOT,
                "Java %s, %d processors, load %.2f, %d rounds after %d%n",
                Runtime.version(),
                Runtime.getRuntime().availableProcessors(),
                ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
                ROUNDS,
                WARM_UP_ROUNDS);
        System.out.println(
                "| | request, ms | bare socket, ms | ratio | saveLayer us p50 / p99 | engine threads, KiB |");
        System.out.println("|---|---|---|---|---|---|");
        for (int i = 0; i < rows.size(); i++) {
            if (args.length == 0 || List.of(args).contains(Integer.toString(i))) {
                measure(rows.get(i));
            }
        }
    }

    private static void measure(Row row) throws Exception {
        KvLayout layout = KvLayout.single("benchmark", LAYERS, 8, 128, DType.F16, 16);
        int tokens = Math.toIntExact(row.layerBytes / layout.tokenBytes());
        int blocks = tokens / layout.blockSize() + 1;
        try (End producer = new End(KvRole.PRODUCER, row.sendType, layout, blocks);
                End consumer = new End(KvRole.CONSUMER, row.sendType, layout, blocks);
                ServerSocketChannel door = BareSocket.listen();
                BareSocket sender = BareSocket.connect(door.socket().getLocalPort());
                BareSocket receiver = BareSocket.accept(door)) {
            Samples samples = new Samples(ROUNDS, LAYERS);
            Rounds rounds = new Rounds(row, producer, consumer, sender, receiver, tokens, blocks);
            for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
                rounds.request(samples, round);
                rounds.bare(samples, round);
            }
            rounds.requireSameBytes();
            System.out.println(
                    "| "
                            + row.sendType
                            + " "
                            + LAYERS
                            + " x "
                            + (row.layerBytes >> 10)
                            + " KiB"
                            + row.note
                            + " | "
                            + samples
                            + " |");
        }
    }

    /** An engine, its memory and its thread. */
    private static final class End implements AutoCloseable {
        private final ExecutorService executor;
        private final HostKvMemory memory;
        private final KvContents contents;
        private final BenchmarkEngine engine;

        End(KvRole role, String sendType, KvLayout layout, int blocks) throws Exception {
            executor =
                    Executors.newSingleThreadExecutor(work -> new Thread(work, "engine-" + role));
            memory = new HostKvMemory(layout.layers(), layout.blockBytes() * blocks);
            contents = new KvContents(layout, memory);
            Map<String, Object> config =
                    Map.of(
                            "kv_connector",
                            "P2pNcclConnector",
                            "kv_role",
                            role.key(),
                            "kv_ip",
                            "127.0.0.1",
                            "kv_port",
                            0,
                            "kv_buffer_size",
                            256 << 20,
                            "kv_connector_extra_config",
                            Map.of("send_type", sendType, "data_plane", "tcp"));
            engine = submit(() -> new BenchmarkEngine(config, layout, memory, 0)).get();
        }

        <T> Future<T> submit(Callable<T> work) {
            return executor.submit(work);
        }

        @Override
        public void close() {
            engine.close();
            executor.shutdown();
        }
    }

    /** The two things that are compared, over the same memory and threads. */
    private static final class Rounds {
        private final Row row;
        private final End producer;
        private final End consumer;
        private final BareSocket sender;
        private final BareSocket receiver;
        private final int[] prompt;
        private final BlockTable blocks;
        private int requests;
        private long seed = 20261122;

        Rounds(
                Row row,
                End producer,
                End consumer,
                BareSocket sender,
                BareSocket receiver,
                int tokens,
                int blocks) {
            this.row = row;
            this.producer = producer;
            this.consumer = consumer;
            this.sender = sender;
            this.receiver = receiver;
            this.prompt = RANDOM.ints(tokens + 1, 0, 32_000).toArray();
            this.blocks = row.scattered ? shuffled(blocks) : BlockTable.range(0, blocks);
            fill();
        }

        // With fresh bytes.
        private void fill() {
            producer.contents.fill(this.blocks, prompt.length - 1, ++seed);
        }

        private static BlockTable shuffled(int count) {
            List<Integer> order = new ArrayList<>();
            for (int block = 0; block < count; block++) {
                order.add(block);
            }
            Collections.shuffle(order, RANDOM);
            return BlockTable.of(order.stream().mapToInt(Integer::intValue).toArray());
        }

        void request(Samples samples, int round) throws Exception {
            TransferId id = new TransferId(RANDOM.nextLong(), RANDOM.nextLong(), 0);
            TransferRoute route =
                    new TransferRoute(producer.engine.address(), consumer.engine.address(), id);
            KvRequest request = new KvRequest("r" + requests++, Optional.of(route), prompt);
            List<BenchmarkEngine.Placed> placed =
                    List.of(new BenchmarkEngine.Placed(request, blocks));
            CountDownLatch added = new CountDownLatch(1);
            Future<BenchmarkEngine.Received> received =
                    consumer.submit(() -> consumer.engine.receive(placed, added::countDown));
            added.await();
            BenchmarkEngine.Sent sent =
                    producer.submit(
                                    () ->
                                            producer.engine.send(
                                                    List.of(placed),
                                                    System.nanoTime() + LEAD_NS,
                                                    row.firstLayerNs))
                            .get();
            samples.request(round, sent, received.get());
        }

        void bare(Samples samples, int round) throws Exception {
            CountDownLatch ready = new CountDownLatch(1);
            Future<Long> end =
                    consumer.submit(
                            () -> {
                                ready.countDown();
                                return receiver.receive(consumer.memory.prefixes(row.layerBytes));
                            });
            ready.await();
            long startNs =
                    producer.submit(
                                    () -> {
                                        LockSupport.parkNanos(LEAD_NS);
                                        return sender.send(
                                                producer.memory.prefixes(row.layerBytes));
                                    })
                            .get();
            samples.bare(round, end.get() - startNs);
        }

        void requireSameBytes() throws Exception {
            Samples nobodys = new Samples(0, LAYERS);
            fill();
            consumer.contents.poison();
            request(nobodys, -1);
            long differences = consumer.contents.differences(blocks, prompt.length - 1, seed);
            fill();
            consumer.contents.poison();
            bare(nobodys, -1);
            ByteBuffer[] origin = producer.memory.prefixes(row.layerBytes);
            if (differences > 0
                    || !Arrays.equals(origin, consumer.memory.prefixes(row.layerBytes))) {
                throw new IllegalStateException(row + ": words that differ: " + differences);
            }
        }
    }

    /** Measured rounds. Rounds before 0 don't count. */
    private static final class Samples {
        private final int layers;
        private final double[] requestMs;
        private final double[] bareMs;
        private final double[] saveUs;
        private final double[] producerKib;
        private final double[] consumerKib;

        Samples(int rounds, int layers) {
            this.layers = layers;
            requestMs = new double[rounds];
            bareMs = new double[rounds];
            saveUs = new double[rounds * layers];
            producerKib = new double[rounds];
            consumerKib = new double[rounds];
        }

        void request(int round, BenchmarkEngine.Sent sent, BenchmarkEngine.Received received) {
            if (round >= 0) {
                requestMs[round] = (received.endNs()[0] - sent.startNs()) / 1e6;
                for (int layer = 0; layer < layers; layer++) {
                    saveUs[round * layers + layer] = sent.saveNs()[layer] / 1e3;
                }
                producerKib[round] = sent.allocatedBytes() / 1024.0;
                consumerKib[round] = received.allocatedBytes() / 1024.0;
            }
        }

        void bare(int round, long ns) {
            if (round >= 0) {
                bareMs[round] = ns / 1e6;
            }
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%s | %s | %.2f | %.0f / %.0f | %.1f + %.1f",
                    spread(requestMs),
                    spread(bareMs),
                    at(requestMs, 50) / at(bareMs, 50),
                    at(saveUs, 50),
                    at(saveUs, 99),
                    at(producerKib, 50),
                    at(consumerKib, 50));
        }

        private static String spread(double[] values) {
            return String.format(
                    Locale.ROOT,
                    "%.2f (%.2f–%.2f)",
                    at(values, 50),
                    at(values, 10),
                    at(values, 90));
        }

        private static double at(double[] values, int percent) {
            double[] sorted = values.clone();
            Arrays.sort(sorted);
            return sorted[(sorted.length - 1) * percent / 100];
        }
    }
}
