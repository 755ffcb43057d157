// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.p2p.internal.cuda.JavaCppNccl;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** One end of the bare wires of a node, open until they are closed. The engine's thread only. */
final class NodeFloors implements FloorApi {

    private static final long NCCL_HEAD_START_NS = 100_000;

    private final Node node;
    private @Nullable FloorMemory memory;
    private @Nullable NcclPair nccl;
    private @Nullable ServerSocketChannel door;
    private @Nullable BareSocket socket;
    private @Nullable BarePlane plane;

    NodeFloors(Node node) {
        this.node = node;
    }

    @Override
    public String export(int layers, long stride) {
        FloorMemory taken = new FloorMemory(node.gpu(), layers, stride);
        memory = taken;
        return HexFormat.of().formatHex(taken.export());
    }

    @Override
    public FloorTimes copy(
            String handle, int layers, long stride, long bytes, int rounds, int batch) {
        DriverDevice gpu = node.gpu();
        long to = gpu.map(HexFormat.of().parseHex(handle));
        try (FloorMemory from = new FloorMemory(gpu, layers, stride);
                DeviceFloor floor = new DeviceFloor(gpu)) {
            return floor.time(
                    stream -> {
                        for (int layer = 0; layer < layers; layer++) {
                            long at = layer * stride;
                            gpu.copy(from.base() + at, to + at, bytes, stream);
                        }
                    },
                    rounds,
                    batch,
                    0);
        } finally {
            gpu.unmap(to);
        }
    }

    @Override
    public String ncclName() {
        return HexFormat.of().formatHex(JavaCppNccl.open(node.gpu()).newUniqueId());
    }

    @Override
    public void ncclOpen(String name, int rank, int channels, int layers, long stride) {
        FloorMemory messages = new FloorMemory(node.gpu(), layers, stride);
        byte[] id = HexFormat.of().parseHex(name);
        nccl = new NcclPair(node.gpu(), id, rank, channels, messages);
    }

    @Override
    public FloorTimes ncclMove(boolean send, long bytes, int messages, int rounds, int batch) {
        NcclPair pair = Node.there(nccl);
        try (DeviceFloor floor = new DeviceFloor(node.gpu())) {
            return floor.time(
                    stream -> pair.move(send, bytes, messages, stream),
                    rounds,
                    batch,
                    send ? NCCL_HEAD_START_NS : 0);
        }
    }

    @Override
    public int listen() throws IOException {
        ServerSocketChannel opened = BareSocket.listen(node.shape().ip());
        door = opened;
        return opened.socket().getLocalPort();
    }

    @Override
    public void accept() throws IOException {
        socket = BareSocket.accept(Node.there(door));
    }

    @Override
    public void dial(String ip, int port) throws IOException {
        socket = BareSocket.connect(ip, port);
    }

    @Override
    public long sendBare(int bytes, int times, long atNs) throws IOException {
        BareSocket to = Node.there(socket);
        Waits.until(atNs, Long.MAX_VALUE);
        long startNs = to.send(node.prefixes(bytes));
        for (int i = 1; i < times; i++) {
            to.send(node.prefixes(bytes));
        }
        return startNs;
    }

    @Override
    public long receiveBare(int bytes, int times) throws IOException {
        BareSocket from = Node.there(socket);
        node.begun();
        long endNs = 0;
        for (int i = 0; i < times; i++) {
            endNs = from.receive(node.prefixes(bytes));
        }
        return endNs;
    }

    @Override
    public String openPlane() {
        BarePlane opened = new BarePlane(node.shape().ip());
        plane = opened;
        return opened.endpoint();
    }

    @Override
    public long sendByPlane(String peer, long ticket, int bytes, int times, long atNs) {
        Waits.until(atNs, Long.MAX_VALUE);
        return Node.there(plane).send(peer, ticket, node.prefixes(bytes), times);
    }

    @Override
    public long receiveByPlane(String peer, long ticket, int bytes, int times) {
        BarePlane from = Node.there(plane);
        from.expect(peer, ticket, node.prefixes(bytes), times);
        node.begun();
        return from.receive(node.shape().layers() * times);
    }

    @Override
    public void closeFloors() throws Exception {
        close(memory, nccl, door, socket, plane);
        memory = null;
        nccl = null;
        door = null;
        socket = null;
        plane = null;
    }

    private static void close(@Nullable AutoCloseable... opened) throws Exception {
        for (AutoCloseable each : opened) {
            if (each != null) {
                each.close();
            }
        }
    }
}
