// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.plane.tcp.TcpPlane;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneConfig;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** One end of the TCP plane without a connector, polled by a thread that may block. */
final class BarePlane implements AutoCloseable, DataPlane.SendListener, DataPlane.ReceiveListener {

    // As many sends as a transfer of a model's layers would have queued.
    private static final int SENDS_IN_FLIGHT = 32;
    private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(60);
    private static final long IDLE_NS = 1_000_000;

    private final TcpPlane plane;
    private int sent;
    private int received;

    BarePlane(String ip) {
        plane = TcpPlane.open(TcpPlaneConfig.usual(ip, 0, ""));
    }

    String endpoint() {
        return plane.endpoint();
    }

    /** Sends layers, some times over; the moment before the first. */
    long send(String peer, long ticket, List<ByteBuffer> layers, int times) {
        List<MemoryRegion> sources = layers.stream().map(MemoryRegion::ofBuffer).toList();
        int all = sources.size() * times;
        sent = 0;
        long startNs = System.nanoTime();
        for (int queued = 0; sent < all; ) {
            while (queued < all && queued - sent < SENDS_IN_FLIGHT) {
                MemoryRegion source = sources.get(queued % sources.size());
                plane.send(new SendOp(peer, ticket, queued, List.of(source), source.bytes(), this));
                queued++;
            }
            poll(startNs);
        }
        return startNs;
    }

    /** Posts the receive of layers, some times over. */
    void expect(String peer, long ticket, List<ByteBuffer> layers, int times) {
        List<MemoryRegion> regions = layers.stream().map(MemoryRegion::ofBuffer).toList();
        received = 0;
        plane.receive(
                new ReceiveOp(
                        peer,
                        ticket,
                        0,
                        IntStream.range(0, regions.size() * times)
                                .mapToObj(layer -> regions.get(layer % regions.size()))
                                .toList(),
                        this));
    }

    /** Waits for layers that were expected; the moment after the last. */
    long receive(int layers) {
        long startNs = System.nanoTime();
        while (received < layers) {
            poll(startNs);
        }
        return System.nanoTime();
    }

    private void poll(long startNs) {
        long nowNs = System.nanoTime();
        if (nowNs - startNs > LIMIT_NS) {
            throw new IllegalStateException("sent=" + sent + " received=" + received);
        }
        if (plane.poll(nowNs) == 0) {
            plane.idle(IDLE_NS);
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
        plane.close();
    }
}
