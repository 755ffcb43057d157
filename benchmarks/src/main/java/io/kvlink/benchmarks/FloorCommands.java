// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.benchmarks.NodeCommands.Done;
import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.p2p.internal.cuda.JavaCppNccl;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.util.HexFormat;

/** Commands for engines without a connector, to measure the floor that no connector gets below. */
final class FloorCommands {

    private FloorCommands() {}

    /** Makes a GPU's KV memory mappable: its handle. */
    record Export() implements NodeCommand<String> {
        @Override
        public String run(NodeEngine engine) {
            DeviceKvMemory memory = engine.deviceMemory();
            return HexFormat.of().formatHex(memory.gpu().export(memory.base()));
        }
    }

    /** The copy engine alone: as many copies as layers into another process's memory. */
    record Copy(String handle, long bytes, int rounds, int batch)
            implements NodeCommand<FloorTimes> {
        @Override
        public FloorTimes run(NodeEngine engine) {
            DeviceKvMemory memory = engine.deviceMemory();
            DriverDevice gpu = memory.gpu();
            int layers = memory.layers().size();
            long stride = memory.regionBytes();
            long to = gpu.map(HexFormat.of().parseHex(handle));
            try (DeviceFloor floor = new DeviceFloor(memory)) {
                return floor.time(
                        stream -> {
                            for (int layer = 0; layer < layers; layer++) {
                                long at = layer * stride;
                                gpu.copy(memory.base() + at, to + at, bytes, stream);
                            }
                        },
                        rounds,
                        batch,
                        0);
            } finally {
                gpu.unmap(to);
            }
        }
    }

    /** Makes the name of an NCCL communicator. */
    record NcclName() implements NodeCommand<String> {
        @Override
        public String run(NodeEngine engine) {
            JavaCppNccl library = JavaCppNccl.open(engine.deviceMemory().gpu());
            return HexFormat.of().formatHex(library.newUniqueId());
        }
    }

    /** Makes an NCCL communicator; both engines at once. */
    record NcclOpen(String name, int rank, int channels) implements NodeCommand<Done> {
        @Override
        public Done run(NodeEngine engine) {
            engine.floor =
                    new NcclPair(
                            engine.deviceMemory().gpu(),
                            HexFormat.of().parseHex(name),
                            rank,
                            channels);
            return Done.DONE;
        }
    }

    /** NCCL alone: messages in one group; both engines at once. */
    record NcclMove(boolean send, long bytes, int messages, int rounds, int batch)
            implements NodeCommand<FloorTimes> {
        private static final long HEAD_START_NS = 100_000;

        @Override
        public FloorTimes run(NodeEngine engine) {
            DeviceKvMemory memory = engine.deviceMemory();
            if (!(engine.floor instanceof NcclPair pair)) {
                throw new IllegalStateException("no communicator");
            }
            try (DeviceFloor floor = new DeviceFloor(memory)) {
                return floor.time(
                        stream ->
                                pair.move(
                                        send,
                                        memory.base(),
                                        memory.regionBytes(),
                                        bytes,
                                        messages,
                                        stream),
                        rounds,
                        batch,
                        send ? HEAD_START_NS : 0);
            }
        }
    }

    /** Listens; the port. */
    record Listen() implements NodeCommand<Integer> {
        @Override
        public Integer run(NodeEngine engine) throws IOException {
            ServerSocketChannel door = BareSocket.listen();
            engine.floor = door;
            return door.socket().getLocalPort();
        }
    }

    /** Accepts the connection that waits. */
    record Accept() implements NodeCommand<Done> {
        @Override
        public Done run(NodeEngine engine) throws IOException {
            if (!(engine.floor instanceof ServerSocketChannel door)) {
                throw new IllegalStateException("nobody listens");
            }
            engine.floor = BareSocket.accept(door);
            door.close();
            return Done.DONE;
        }
    }

    /** Connects. */
    record Dial(int port) implements NodeCommand<Done> {
        @Override
        public Done run(NodeEngine engine) throws IOException {
            engine.floor = BareSocket.connect(port);
            return Done.DONE;
        }
    }

    /** Writes or reads the first bytes of all layers, some times over: when it began or ended. */
    record Stream(boolean send, int bytes, int times, long atNs) implements NodeCommand<Long> {
        @Override
        public Long run(NodeEngine engine) throws IOException {
            if (!(engine.floor instanceof BareSocket socket)) {
                throw new IllegalStateException("no connection");
            }
            engine.begun();
            while (send && System.nanoTime() - atNs < 0) {
                Thread.onSpinWait();
            }
            long startNs = 0;
            long endNs = 0;
            for (int i = 0; i < times; i++) {
                ByteBuffer[] buffers = engine.hostMemory().prefixes(bytes);
                if (send) {
                    long ns = socket.send(buffers);
                    startNs = i == 0 ? ns : startNs;
                } else {
                    endNs = socket.receive(buffers);
                }
            }
            return send ? startNs : endNs;
        }
    }

    /** Gives back what a floor needed. */
    record Close() implements NodeCommand<Done> {
        @Override
        public Done run(NodeEngine engine) throws Exception {
            AutoCloseable floor = engine.floor;
            engine.floor = null;
            if (floor != null) {
                floor.close();
            }
            return Done.DONE;
        }
    }
}
