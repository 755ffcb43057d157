// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.cuda.CudaPicks.Asked;
import io.kvlink.djl.cuda.kv.CudaKvMemory;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.Picks;
import io.kvlink.djl.engine.PromptChunk;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Steps of chunks of prompts, of one or several sequences. Their calls are enqueued layer by layer,
 * so that a hook's saves leave while later layers are computed. The decoder's thread.
 */
final class PrefillSteps implements AutoCloseable {
    private final Gpu device;
    private final long stream;
    private final Kernels kernels;
    private final LayerPass pass;
    private final Workspace space;
    private final CudaKvMemory memory;
    private final StepLayout layout;
    private final List<Integer> layerWindows;
    private final List<Integer> windows;
    private final int elementBytes;
    private final long input;
    private final long attention;
    private final StepRing ring;

    /**
     * Borrows the tools; closes the ring.
     *
     * @param layerWindows of each layer
     * @param elementBytes of the model's type
     */
    PrefillSteps(StepTools tools, StepPlace place, List<Integer> layerWindows, int elementBytes) {
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
        this.layerWindows = layerWindows;
        this.elementBytes = elementBytes;
    }

    /** Enqueues a step. */
    Picks enqueue(List<PromptChunk> chunks, LayerHook hook) {
        return ring.enqueue(stream, entry -> enqueue(entry, chunks, hook));
    }

    private CudaPicks enqueue(StepRing.Entry entry, List<PromptChunk> chunks, LayerHook hook) {
        int count = chunks.stream().mapToInt(chunk -> chunk.tokens().length).sum();
        List<@Nullable Asked> asked = send(entry, chunks);
        int tiles = kernels.flashes() ? sendTiles(entry, chunks) : 0;
        device.copyIn(input, entry.inputAddress(), layout.bytes(), stream);
        pass.layers(input + layout.rows(), count, layer -> attend(layer, count, tiles), hook);
        int picks = (int) asked.stream().filter(each -> each != null).count();
        if (picks > 0) {
            pass.pick(input + layout.pickedRows(), input + layout.sampling(), picks);
            device.copyOut(
                    entry.outputAddress(), space.picked(), (long) picks * CudaPicks.BYTES, stream);
        }
        return new CudaPicks(entry, asked);
    }

    private void attend(int layer, int count, int tiles) {
        kernels.store(attention, layer, count);
        if (!kernels.flashes()) {
            kernels.attend(attention, layer, false);
            return;
        }
        kernels.flash(
                new Kernels.FlashCall(
                        space.qkv(),
                        space.mixed(),
                        memory.layerRegion(layer).address(),
                        memory.valueOffset(elementBytes),
                        memory.tables(),
                        memory.maxBlocks(),
                        input + layout.chunks(),
                        input + layout.tiles(),
                        layerWindows.get(layer)),
                tiles);
    }

    private List<@Nullable Asked> send(StepRing.Entry entry, List<PromptChunk> chunks) {
        ByteBuffer to = entry.input();
        List<@Nullable Asked> asked = new ArrayList<>(chunks.size());
        int rows = 0;
        int picks = 0;
        for (PromptChunk chunk : chunks) {
            int table = memory.held(chunk.slots()).table();
            to.position(layout.rows() + rows * StepLayout.ROW_BYTES);
            for (int i = 0; i < chunk.tokens().length; i++) {
                StepRows.write(to, table, chunk.position() + i, chunk.tokens()[i]);
            }
            rows += chunk.tokens().length;
            CudaPicker picker = (CudaPicker) chunk.picker();
            if (picker == null) {
                asked.add(null);
                continue;
            }
            to.putInt(layout.pickedRows() + picks * Integer.BYTES, rows - 1);
            to.position(layout.sampling() + picks * StepLayout.SAMPLING_BYTES);
            picker.write(to, picks, chunk.mayEnd());
            asked.add(new Asked(picks, picker.logprobs()));
            picks++;
        }
        if (!kernels.flashes()) {
            sendParts(to, chunks);
        }
        return asked;
    }

    /** Each token is a query of one part. */
    private void sendParts(ByteBuffer to, List<PromptChunk> chunks) {
        for (int list = 0; list < windows.size(); list++) {
            int window = windows.get(list);
            to.position(layout.parts(list));
            int row = 0;
            for (PromptChunk chunk : chunks) {
                int table = memory.held(chunk.slots()).table();
                for (int i = 0; i < chunk.tokens().length; i++) {
                    int position = chunk.position() + i;
                    int from = window == 0 ? 0 : Math.max(0, position + 1 - window);
                    PartPlan.Query query = new PartPlan.Query(row++, table, position);
                    PartPlan.write(to, query, 0, 1, from, position + 1);
                }
            }
            to.putInt(layout.partCount(list), row);
        }
    }

    /** A tile of queries of a prompt. */
    private record Tile(int chunk, int first, int keys) {}

    private int sendTiles(StepRing.Entry entry, List<PromptChunk> chunks) {
        ByteBuffer to = entry.input().position(layout.chunks());
        List<Tile> tiles = new ArrayList<>();
        int rows = 0;
        for (int i = 0; i < chunks.size(); i++) {
            PromptChunk chunk = chunks.get(i);
            int count = chunk.tokens().length;
            to.putInt(memory.held(chunk.slots()).table());
            to.putInt(rows).putInt(chunk.position()).putInt(count);
            for (int first = 0; first < count; first += FlashShape.QUERIES) {
                tiles.add(new Tile(i, first, chunk.position() + first));
            }
            rows += count;
        }
        // The device begins with the last ones: those with most keys, so that it ends with short
        // ones.
        tiles.sort(Comparator.comparingInt(Tile::keys));
        to.position(layout.tiles());
        tiles.forEach(tile -> to.putInt(tile.chunk).putInt(tile.first));
        return tiles.size();
    }

    @Override
    public void close() {
        ring.close();
    }
}
