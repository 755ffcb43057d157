// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.CudaGraph;
import io.kvlink.cuda.Gpu;
import io.kvlink.djl.cuda.CudaPicks.Asked;
import io.kvlink.djl.cuda.kv.CudaKvMemory;
import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.Picks;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Steps of one token of each of several sequences. A step without a hook is one launch of a graph,
 * of which there is one for each {@link RowBuckets} count. A step with a hook enqueues the same
 * calls one by one. The decoder's thread.
 */
final class DecodeSteps implements AutoCloseable {
    private final Gpu device;
    private final long stream;
    private final Kernels kernels;
    private final LayerPass pass;
    private final Workspace space;
    private final CudaKvMemory memory;
    private final StepLayout layout;
    private final RowBuckets buckets;
    private final PartPlan parts;
    private final List<Integer> windows;
    private final long input;
    private final long attention;
    private final StepRing ring;
    private final Map<Integer, CudaGraph> graphs = new TreeMap<>();

    /** Borrows the tools; closes the ring. */
    DecodeSteps(StepTools tools, StepPlace place, RowBuckets buckets, PartPlan parts) {
        this.device = tools.device();
        this.stream = tools.stream();
        this.kernels = tools.kernels();
        this.pass = tools.pass();
        this.space = tools.space();
        this.memory = tools.memory();
        this.windows = tools.windows();
        this.layout = place.layout();
        this.input = place.input();
        this.attention = place.attention();
        this.ring = place.ring();
        this.buckets = buckets;
        this.parts = parts;
    }

    /** Captures the graphs; each count of rows is computed once before. */
    void capture() {
        for (int count : buckets.counts()) {
            ring.enqueue(
                    stream,
                    entry -> {
                        CudaPicks none = new CudaPicks(entry, send(entry, List.of(), count));
                        enqueue(count, LayerHook.NONE);
                        return none;
                    });
            device.synchronizeStream(stream);
            graphs.put(
                    count, CudaGraph.capture(device, stream, () -> enqueue(count, LayerHook.NONE)));
        }
    }

    /** Counts of rows that have a graph, for an operator. */
    String counts() {
        return buckets.toString();
    }

    /** Enqueues a step. */
    Picks enqueue(List<DecodeRow> rows, LayerHook hook) {
        return ring.enqueue(stream, entry -> enqueue(entry, rows, hook));
    }

    private CudaPicks enqueue(StepRing.Entry entry, List<DecodeRow> rows, LayerHook hook) {
        int count = buckets.countFor(rows.size());
        List<@Nullable Asked> asked = send(entry, rows, count);
        CudaGraph graph = graphs.get(count);
        if (hook == LayerHook.NONE && graph != null) {
            graph.launch(stream);
        } else {
            enqueue(count, hook);
        }
        device.copyOut(
                entry.outputAddress(),
                space.picked(),
                (long) rows.size() * CudaPicks.BYTES,
                stream);
        return new CudaPicks(entry, asked);
    }

    private void enqueue(int count, LayerHook hook) {
        long rows = input + layout.rows();
        long sampling = input + layout.sampling();
        LayerPass.Attend attend = layer -> kernels.attend(attention, layer, true);
        if (count == 1 && pass.servesLoneRow()) {
            pass.loneRow(rows, attend, hook, sampling);
        } else {
            pass.layers(rows, count, attend, hook);
            pass.pick(0, sampling, count);
        }
    }

    /** Sends a step's input to the device; what each row asks for. */
    private List<@Nullable Asked> send(StepRing.Entry entry, List<DecodeRow> rows, int count) {
        ByteBuffer to = entry.input();
        List<PartPlan.Query> queries = new ArrayList<>(rows.size());
        List<@Nullable Asked> asked = new ArrayList<>(rows.size());
        for (int i = 0; i < count; i++) {
            to.position(layout.rows() + i * StepLayout.ROW_BYTES);
            if (i >= rows.size()) {
                StepRows.writeNone(to);
                CudaPicker.writeNone(
                        to.position(layout.sampling() + i * StepLayout.SAMPLING_BYTES));
                continue;
            }
            DecodeRow row = rows.get(i);
            CudaPicker picker = (CudaPicker) row.picker();
            int table = memory.held(row.slots()).table();
            StepRows.write(to, table, row.position(), token(row));
            queries.add(new PartPlan.Query(i, table, row.position()));
            to.position(layout.sampling() + i * StepLayout.SAMPLING_BYTES);
            if (picker == null) {
                CudaPicker.writeNone(to);
                asked.add(null);
            } else {
                picker.write(to, i, row.mayEnd());
                asked.add(new Asked(i, picker.logprobs()));
            }
        }
        for (int list = 0; list < windows.size(); list++) {
            to.position(layout.parts(list));
            to.putInt(layout.partCount(list), parts.write(to, queries, windows.get(list)));
        }
        device.copyIn(input, entry.inputAddress(), layout.bytes(), stream);
        return asked;
    }

    private static int token(DecodeRow row) {
        if (row.token() != DecodeRow.PICKED) {
            return row.token();
        }
        CudaPicker picker = (CudaPicker) Objects.requireNonNull(row.picker());
        return -1 - picker.index();
    }

    @Override
    public void close() {
        graphs.values().forEach(CudaGraph::close);
        graphs.clear();
        ring.close();
    }
}
