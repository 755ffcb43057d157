// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.plane.tcp.TcpPlane;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneConfig;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;

/**
 * Compares the TCP plane with what it can't beat: two threads that copy the same bytes through one
 * blocking socket of this host, with a header before each layer and nothing else. Both are measured
 * in turns, so that other load on the machine hits both.
 */
public final class TcpPlaneBenchmark {

    private static final int ROUNDS = Integer.getInteger("rounds", 15);
    private static final long BYTES_PER_ROUND = Long.getLong("mib", 512) << 20;
    private static final int WARM_UP_ROUNDS = 3;
    private static final int HEADER_BYTES = 24;
    // Each layer has memory of its own, as in a real transfer, within what a test machine has.
    private static final int BUFFERS = 16;

    private TcpPlaneBenchmark() {}

    /** Prints a table of layer sizes. */
    public static void main(String[] args) throws Exception {
        System.out.printf(
                "Java %s, %d processors, %d MiB a round, %d rounds%n",
                Runtime.version(),
                Runtime.getRuntime().availableProcessors(),
                BYTES_PER_ROUND >> 20,
                ROUNDS);
        System.out.println("median (min..max)");
        System.out.println(
                "    layer          plane GB/s              socket GB/s             plane/socket"
                        + "          plane CPU ms/GB         socket CPU ms/GB");
        for (int layerBytes : new int[] {64 << 10, 1 << 20, 4 << 20}) {
            compare(layerBytes);
        }
    }

    private static void compare(int layerBytes) throws Exception {
        int layers = Math.toIntExact(BYTES_PER_ROUND / layerBytes);
        ByteBuffer[] sources = buffers(layerBytes);
        ByteBuffer[] destinations = buffers(layerBytes);
        double[] plane = new double[ROUNDS];
        double[] socket = new double[ROUNDS];
        double[] ratio = new double[ROUNDS];
        double[] planeCpu = new double[ROUNDS];
        double[] socketCpu = new double[ROUNDS];
        try (PlanePair planes = new PlanePair(sources, destinations, layers);
                SocketPair sockets = new SocketPair(sources, destinations, layers)) {
            for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
                long cpuNs = cpuNs();
                double planeGbs = BYTES_PER_ROUND / (double) planes.moveAll();
                long planeCpuNs = cpuNs() - cpuNs;
                double socketGbs = BYTES_PER_ROUND / (double) sockets.moveAll();
                long socketCpuNs = cpuNs() - cpuNs - planeCpuNs;
                if (round >= 0) {
                    plane[round] = planeGbs;
                    socket[round] = socketGbs;
                    ratio[round] = planeGbs / socketGbs;
                    planeCpu[round] = 1e3 * planeCpuNs / BYTES_PER_ROUND;
                    socketCpu[round] = 1e3 * socketCpuNs / BYTES_PER_ROUND;
                }
            }
        }
        System.out.printf(
                Locale.ROOT,
                "%5d KiB %s %s %s %s %s%n",
                layerBytes >> 10,
                summary(plane),
                summary(socket),
                summary(ratio),
                summary(planeCpu),
                summary(socketCpu));
    }

    /** What all threads have used; says more than time where other programs take turns. */
    private static long cpuNs() {
        return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos();
    }

    private static ByteBuffer[] buffers(int bytes) {
        ByteBuffer[] buffers = new ByteBuffer[BUFFERS];
        for (int i = 0; i < BUFFERS; i++) {
            buffers[i] = ByteBuffer.allocateDirect(bytes);
            while (buffers[i].remaining() >= 8) {
                buffers[i].putLong(i);
            }
            buffers[i].clear();
        }
        return buffers;
    }

    private static String summary(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return String.format(
                Locale.ROOT,
                "%7.2f (%6.2f..%6.2f)",
                sorted[sorted.length / 2],
                sorted[0],
                sorted[sorted.length - 1]);
    }

    /** Two planes, each polled by a thread of its own, as a device agent would. */
    private static final class PlanePair
            implements AutoCloseable, DataPlane.SendListener, DataPlane.ReceiveListener {
        // As many sends as a transfer of a model's layers would have queued.
        private static final int SENDS_IN_FLIGHT = 32;

        private final TcpPlane sender = open();
        private final TcpPlane receiver = open();
        private final List<MemoryRegion> sources = new ArrayList<>();
        private final List<MemoryRegion> destinations = new ArrayList<>();
        private final int layers;
        private int queued;
        private int sent;
        private int received;
        private long ticket;

        PlanePair(ByteBuffer[] sources, ByteBuffer[] destinations, int layers) {
            this.layers = layers;
            Arrays.stream(sources).map(MemoryRegion::ofBuffer).forEach(this.sources::add);
            for (int i = 0; i < layers; i++) {
                this.destinations.add(MemoryRegion.ofBuffer(destinations[i % BUFFERS]));
            }
        }

        private static TcpPlane open() {
            return TcpPlane.open(TcpPlaneConfig.usual("127.0.0.1", 0, ""));
        }

        long moveAll() throws InterruptedException {
            ticket++;
            queued = 0;
            sent = 0;
            received = 0;
            receiver.receive(new ReceiveOp(sender.endpoint(), ticket, 0, destinations, this));
            CountDownLatch ready = new CountDownLatch(1);
            Thread sending =
                    new Thread(
                            () -> {
                                ready.countDown();
                                while (sent < layers) {
                                    while (queued < layers && queued - sent < SENDS_IN_FLIGHT) {
                                        send(queued++);
                                    }
                                    poll(sender);
                                }
                            },
                            "kv-send");
            sending.start();
            ready.await();
            long startNs = System.nanoTime();
            while (received < layers) {
                poll(receiver);
            }
            long elapsedNs = System.nanoTime() - startNs;
            sending.join();
            return elapsedNs;
        }

        private void send(int layer) {
            MemoryRegion source = sources.get(layer % BUFFERS);
            sender.send(
                    new SendOp(
                            receiver.endpoint(),
                            ticket,
                            layer,
                            List.of(source),
                            source.bytes(),
                            this));
        }

        private static void poll(TcpPlane plane) {
            if (plane.poll(System.nanoTime()) == 0) {
                plane.idle(1_000_000);
            }
        }

        @Override
        public void onSent(SendOp op) {
            sent++;
        }

        @Override
        public void onSendFailed(SendOp op, KvError error, String detail) {
            throw new IllegalStateException(error + " " + detail);
        }

        @Override
        public void onPieceReceived(ReceiveOp op, int piece) {
            received++;
        }

        @Override
        public void onReceiveFailed(ReceiveOp op, KvError error, String detail) {
            throw new IllegalStateException(error + " " + detail);
        }

        @Override
        public void close() {
            sender.close();
            receiver.close();
        }
    }

    /** One connection, a blocking writer and a blocking reader. */
    private static final class SocketPair implements AutoCloseable {
        private final ByteBuffer[] sources;
        private final ByteBuffer[] destinations;
        private final int layers;
        private final SocketChannel sender;
        private final SocketChannel receiver;

        SocketPair(ByteBuffer[] sources, ByteBuffer[] destinations, int layers) throws IOException {
            this.sources = sources;
            this.destinations = destinations;
            this.layers = layers;
            try (ServerSocketChannel door = ServerSocketChannel.open()) {
                door.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                sender = SocketChannel.open(door.getLocalAddress());
                sender.setOption(StandardSocketOptions.TCP_NODELAY, true);
                receiver = door.accept();
            }
        }

        long moveAll() throws Exception {
            CountDownLatch ready = new CountDownLatch(1);
            Thread sending =
                    new Thread(
                            () -> {
                                ready.countDown();
                                sendAll();
                            },
                            "kv-send");
            sending.start();
            ready.await();
            long startNs = System.nanoTime();
            ByteBuffer header = ByteBuffer.allocateDirect(HEADER_BYTES);
            for (int i = 0; i < layers; i++) {
                readFully(header.clear());
                readFully(destinations[i % BUFFERS].clear());
            }
            long elapsedNs = System.nanoTime() - startNs;
            sending.join();
            return elapsedNs;
        }

        private void readFully(ByteBuffer buffer) throws IOException {
            while (buffer.hasRemaining()) {
                if (receiver.read(buffer) < 0) {
                    throw new EOFException();
                }
            }
        }

        private void sendAll() {
            ByteBuffer header = ByteBuffer.allocateDirect(HEADER_BYTES);
            try {
                for (int i = 0; i < layers; i++) {
                    header.clear();
                    ByteBuffer layer = sources[i % BUFFERS].clear();
                    ByteBuffer[] frame = {header, layer};
                    while (layer.hasRemaining()) {
                        sender.write(frame);
                    }
                }
            } catch (IOException cause) {
                throw new UncheckedIOException(cause);
            }
        }

        @Override
        public void close() throws IOException {
            sender.close();
            receiver.close();
        }
    }
}
