// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.ranks;

import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.AxisOrder;
import io.kvlink.spi.KvShardMap;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Ranks of an instance.
 *
 * @param tp tensor-parallel ranks
 * @param stages layers of each pipeline stage
 * @param blockSize tokens of a block
 * @param order of its memory
 */
record Shape(int tp, List<Integer> stages, int blockSize, AxisOrder order) {

    private static final int WINDOW = 10;

    static Shape of(int tp, Integer... stages) {
        return new Shape(tp, List.of(stages), 16, AxisOrder.KV_FIRST);
    }

    Shape producer() {
        return new Shape(tp, stages, 4, AxisOrder.BLOCK_FIRST_HEAD_MAJOR);
    }

    /** Layers of one group: latent rows, or keys and values. */
    List<List<KvLayerGroup>> ranks(int kvHeads, boolean latent) {
        return layouts(kvHeads, latent ? 36 : 8, stages, latent).stream()
                .map(layout -> List.of(KvLayerGroup.all(layout)))
                .toList();
    }

    /** Layers with a window beside others, in turns, and more heads in these. */
    List<List<KvLayerGroup>> hybridRanks() {
        List<KvLayout> full = layouts(6, 8, stages, false);
        List<KvLayout> sliding = layouts(2, 12, stages, false);
        List<List<KvLayerGroup>> ranks = new ArrayList<>();
        for (int rank = 0; rank < full.size(); rank++) {
            int layers = full.get(rank).layers();
            ranks.add(
                    List.of(
                            KvLayerGroup.of(full.get(rank), every(1, layers)),
                            KvLayerGroup.sliding(sliding.get(rank), every(0, layers), WINDOW)));
        }
        return ranks;
    }

    private static List<Integer> every(int first, int layers) {
        return IntStream.range(0, layers).mapToObj(layer -> 2 * layer + first).toList();
    }

    private List<KvLayout> layouts(
            int kvHeads, int headSize, List<Integer> stages, boolean latent) {
        List<KvLayout> layouts = new ArrayList<>();
        for (KvShardMap.Shard shard : KvShardMap.shards(kvHeads, tp, stages)) {
            KvLayout.Builder builder =
                    KvLayout.builder(
                                    "m",
                                    shard.layers(),
                                    shard.heads(),
                                    headSize,
                                    DType.BF16,
                                    blockSize)
                            .axisOrder(order)
                            .modelKvHeads(kvHeads)
                            .tensorParallel(shard.rank() % tp, tp)
                            .pipelineParallel(shard.rank() / tp, stages.size())
                            .stageLayers(stages);
            layouts.add(latent ? builder.latent().build() : builder.build());
        }
        return layouts;
    }
}
