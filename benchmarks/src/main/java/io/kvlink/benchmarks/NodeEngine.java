// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** One engine of a process, with all that commands leave behind in it. The engine's thread only. */
final class NodeEngine {

    /**
     * Size and place of an engine.
     *
     * @param role prefill or decode
     * @param layers of the model
     * @param mostTokens the largest request
     * @param slots how many requests have blocks at once
     * @param gpu ordinal of the GPU, or -1 for host memory
     * @param ownStream whether a GPU's engine uses a stream of its own
     * @param spinNs how long the engine's thread spins before it parks
     */
    record Shape(
            KvRole role,
            int layers,
            int mostTokens,
            int slots,
            int gpu,
            boolean ownStream,
            long spinNs) {}

    private record TableKey(int slot, int tokens, boolean scattered) {}

    private final Runnable begun;
    private final Map<TableKey, BlockTable> tables = new HashMap<>();
    private final Map<Integer, int[]> prompts = new HashMap<>();
    private @Nullable Shape shape;
    private @Nullable KvLayout layout;
    private @Nullable KvMemory memory;
    private @Nullable BenchmarkEngine connected;
    private int requests;
    // What measures a floor, while it is open.
    @Nullable AutoCloseable floor;

    /**
     * An engine without memory.
     *
     * @param begun tells the coordinator that a command that takes long has begun
     */
    NodeEngine(Runnable begun) {
        this.begun = begun;
    }

    void begun() {
        begun.run();
    }

    void take(Shape shape) {
        this.shape = shape;
        KvLayout layout = KvLayout.single("wire", shape.layers, 8, 128, DType.BF16, 16);
        this.layout = layout;
        long regionBytes =
                Math.multiplyExact(layout.blockBytes(), (long) shape.slots * slotBlocks(shape));
        memory =
                shape.gpu < 0
                        ? new HostKvMemory(shape.layers, regionBytes)
                        : new DeviceKvMemory(shape.gpu, shape.layers, regionBytes, shape.ownStream);
    }

    void giveBack() {
        disconnect();
        if (memory != null) {
            memory.close();
            memory = null;
        }
    }

    /** Opens a connector; its address. */
    String connect(Map<String, Object> config) {
        disconnect();
        connected = new BenchmarkEngine(config, layout(), memory(), shape().spinNs);
        return connected.address().toString();
    }

    void disconnect() {
        if (connected != null) {
            connected.close();
            connected = null;
        }
    }

    BenchmarkEngine engine() {
        return there(connected);
    }

    KvMemory memory() {
        return there(memory);
    }

    KvLayout layout() {
        return there(layout);
    }

    KvContents contents() {
        return new KvContents(layout(), memory());
    }

    private Shape shape() {
        return there(shape);
    }

    private static <T> T there(@Nullable T part) {
        if (part == null) {
            throw new IllegalStateException("a command came before what it needs");
        }
        return part;
    }

    /** The memory, which is a GPU's. */
    DeviceKvMemory deviceMemory() {
        if (memory() instanceof DeviceKvMemory device) {
            return device;
        }
        throw new IllegalStateException("this engine has no GPU");
    }

    /** The memory, which is the host's. */
    HostKvMemory hostMemory() {
        if (memory() instanceof HostKvMemory host) {
            return host;
        }
        throw new IllegalStateException("this engine's memory is a GPU's");
    }

    BenchmarkEngine.Placed place(Hop hop) {
        int[] prompt =
                prompts.computeIfAbsent(
                        hop.tokens(),
                        tokens -> new Random(tokens).ints(tokens + 1, 0, 32_000).toArray());
        KvRequest request = new KvRequest("r" + requests++, Optional.of(hop.route()), prompt);
        return new BenchmarkEngine.Placed(request, blocks(hop));
    }

    /** A request's blocks: those of its pair, so that requests of one step don't share any. */
    BlockTable blocks(Hop hop) {
        int slot = shape().role.produces() ? hop.consumer() : hop.producer();
        return tables.computeIfAbsent(
                new TableKey(slot, hop.tokens(), hop.scattered()), this::newTable);
    }

    private BlockTable newTable(TableKey key) {
        int first = key.slot * slotBlocks(shape());
        int count = key.tokens / layout().blockSize() + 1;
        if (!key.scattered) {
            return BlockTable.range(first, count);
        }
        List<Integer> order =
                new ArrayList<>(
                        IntStream.range(first, first + slotBlocks(shape())).boxed().toList());
        Collections.shuffle(order, new Random(2L * key.slot + (shape().role.produces() ? 0 : 1)));
        return BlockTable.of(order.stream().limit(count).mapToInt(Integer::intValue).toArray());
    }

    // One more than full ones: the last token of a prompt isn't transferred, but needs a place.
    private static int slotBlocks(Shape shape) {
        return shape.mostTokens / 16 + 1;
    }
}
