// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.p2p.internal.cuda.DeviceKvMemory;
import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.p2p.internal.cuda.JavaCppNccl;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.tck.KvMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** One engine of a process, with all that commands leave behind in it. The engine's thread only. */
final class Node implements EngineApi {

    private record TableKey(int slot, int tokens, boolean scattered) {}

    /** Memory of an engine, which stays while connectors come and go. */
    private record Held(
            Shape shape, @Nullable DriverDevice gpu, KvMemory memory, Pattern pattern, WireKv kv) {

        static Held take(Shape shape) {
            DriverDevice gpu = shape.gpu() < 0 ? null : DriverDevice.open(shape.gpu());
            DevicePattern kernels =
                    gpu == null ? null : new DevicePattern(shape.gpu(), shape.ownStream());
            KvMemory memory =
                    gpu == null || kernels == null
                            ? KvMemory.direct()
                            : new DeviceKvMemory(
                                    gpu, gpu.stream(kernels.stream()), kernels.stream(), () -> {});
            List<MemoryRegion> regions =
                    memory.allocate(shape.layers(), shape.engine().regionBytes());
            if (kernels != null) {
                kernels.tryOut(regions.get(0).address());
            }
            Pattern pattern = kernels == null ? new HostPattern() : kernels;
            WireKv kv =
                    new WireKv(
                            shape.engine(),
                            memory,
                            regions,
                            pattern,
                            shape.firstLayerNs(),
                            shape.spinNs());
            return new Held(shape, gpu, memory, pattern, kv);
        }

        void close() {
            memory.close();
            pattern.close();
            if (gpu != null) {
                gpu.close();
            }
        }
    }

    private final Runnable begun;
    private final NodeFloors floors = new NodeFloors(this);
    private final Map<TableKey, BlockTable> tables = new HashMap<>();
    private @Nullable Held held;
    private @Nullable WireEngine connected;

    /**
     * An engine without memory.
     *
     * @param begun tells the coordinator that a command that takes long has begun
     */
    Node(Runnable begun) {
        this.begun = begun;
    }

    /** Says that a command that takes long is under way. */
    void begun() {
        begun.run();
    }

    NodeFloors floors() {
        return floors;
    }

    @Override
    public long clock() {
        return System.nanoTime();
    }

    @Override
    public String gpuFacts(int ordinal, boolean nccl) throws IOException {
        String facts = DriverCalls.facts(ordinal);
        if (nccl) {
            int version = JavaCppNccl.open(gpu()).version();
            facts +=
                    ", NCCL %d.%d.%d"
                            .formatted(version / 10_000, version / 100 % 100, version % 100);
        }
        return facts;
    }

    @Override
    public void take(Shape shape) {
        held = Held.take(shape);
    }

    @Override
    public void giveBack() throws Exception {
        floors.closeFloors();
        disconnect();
        if (held != null) {
            held.close();
            held = null;
        }
    }

    @Override
    public String connect(Setup setup, long bufferBytes, double poolGib) {
        disconnect();
        Map<String, Object> config =
                Map.of(
                        "kv_connector",
                        "P2pNcclConnector",
                        "kv_role",
                        shape().role().key(),
                        "kv_ip",
                        shape().ip(),
                        "kv_port",
                        0,
                        "kv_buffer_size",
                        bufferBytes,
                        "kv_connector_extra_config",
                        Map.of(
                                "send_type",
                                setup.sendType(),
                                "data_plane",
                                setup.plane(),
                                "nccl_num_channels",
                                setup.channels(),
                                "mem_pool_size_gb",
                                poolGib));
        connected = new WireEngine(config, shape().engine(), kv(), shape().spinNs());
        return connected.address();
    }

    @Override
    public void disconnect() {
        if (connected != null) {
            connected.close();
            connected = null;
        }
    }

    @Override
    public Sent send(List<List<Hop>> steps, long atNs) {
        return there(connected).send(steps.stream().map(this::place).toList(), atNs);
    }

    @Override
    public Received receive(List<Hop> hops) {
        return there(connected).receive(place(hops), begun);
    }

    @Override
    public void fill(List<Hop> hops, long seed) {
        hops.forEach(hop -> kv().fill(blocks(hop), hop.tokens(), seed + hop.pair()));
    }

    @Override
    public void poison() {
        kv().poison();
    }

    @Override
    public Wrong check(List<Hop> hops, long seed) {
        KvLayout layout = shape().layout();
        long different = 0;
        long words = 0;
        for (Hop hop : hops) {
            different += kv().differences(blocks(hop), hop.tokens(), seed + hop.pair());
            words += layout.layerBytes(hop.tokens()) * layout.layers() / Long.BYTES;
        }
        return new Wrong(different, kv().written() - words);
    }

    @Override
    public Usage usage() {
        return Usage.now();
    }

    private WireKv kv() {
        return there(held).kv;
    }

    Shape shape() {
        return there(held).shape;
    }

    DriverDevice gpu() {
        return there(there(held).gpu);
    }

    static <T> T there(@Nullable T part) {
        if (part == null) {
            throw new IllegalStateException("a command came before what it needs");
        }
        return part;
    }

    /** The first bytes of each layer of host memory. */
    List<ByteBuffer> prefixes(int bytes) {
        return kv().regions().stream().map(layer -> layer.buffer().slice(0, bytes)).toList();
    }

    private List<WireEngine.Placed> place(List<Hop> hops) {
        return hops.stream().map(hop -> new WireEngine.Placed(hop, blocks(hop))).toList();
    }

    // Those of its pair, so that requests of one step don't share any.
    private BlockTable blocks(Hop hop) {
        int slot = shape().role().produces() ? hop.consumer() : hop.producer();
        return tables.computeIfAbsent(
                new TableKey(slot, hop.tokens(), hop.scattered()), this::newTable);
    }

    private BlockTable newTable(TableKey key) {
        int most = shape().slotBlocks();
        int first = key.slot * most;
        int count = key.tokens / shape().layout().blockSize() + 1;
        if (!key.scattered) {
            return BlockTable.range(first, count);
        }
        List<Integer> order =
                new ArrayList<>(IntStream.range(first, first + most).boxed().toList());
        Collections.shuffle(order, new Random(2L * key.slot + (shape().role().produces() ? 0 : 1)));
        return BlockTable.of(order.stream().limit(count).mapToInt(Integer::intValue).toArray());
    }
}
