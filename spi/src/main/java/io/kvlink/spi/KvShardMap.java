// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Map from the ranks that computed a prompt's KV to a rank that continues it, for any tensor- and
 * pipeline-parallel sizes on either side. A rank holds a contiguous range of layers and of KV
 * heads. Where there are more ranks than heads, several hold the same one. Pure functions.
 */
public final class KvShardMap {

    /**
     * Part of a model's KV that one rank holds.
     *
     * @param rank of whom: {@code ppRank * tpSize + tpRank}
     * @param firstLayer the first layer, counted in the whole model
     * @param layers how many, 1 or more
     * @param firstHead the first KV head, counted in the whole model
     * @param heads how many, 1 or more
     */
    public record Shard(int rank, int firstLayer, int layers, int firstHead, int heads) {
        public Shard {
            if (rank < 0 || firstLayer < 0 || layers < 1 || firstHead < 0 || heads < 1) {
                throw new IllegalArgumentException(
                        "rank=%d firstLayer=%d layers=%d firstHead=%d heads=%d"
                                .formatted(rank, firstLayer, layers, firstHead, heads));
            }
        }

        private int endLayer() {
            return firstLayer + layers;
        }

        private int endHead() {
            return firstHead + heads;
        }
    }

    /**
     * Part of a consumer's KV that one producer gives it.
     *
     * @param source rank of the producer
     * @param firstLayer the first layer, counted in the whole model
     * @param layers how many
     * @param firstHead the first KV head, counted in the whole model
     * @param heads how many
     */
    public record Slice(int source, int firstLayer, int layers, int firstHead, int heads) {}

    private KvShardMap() {}

    /**
     * Shards of all ranks of an instance, in the order of their ranks. Of {@code tpSize} ranks,
     * rank r has the heads from ⌊r·kvHeads/tpSize⌋ to ⌊(r+1)·kvHeads/tpSize⌋, or head
     * ⌊r·kvHeads/tpSize⌋ alone where there are more ranks than heads.
     *
     * @param kvHeads KV heads of the whole model; 1 for a latent row, which every rank holds
     * @param tpSize tensor-parallel ranks
     * @param stageLayers layers of each pipeline stage, in their order
     */
    public static List<Shard> shards(int kvHeads, int tpSize, List<Integer> stageLayers) {
        if (kvHeads < 1 || tpSize < 1 || stageLayers.isEmpty()) {
            throw new IllegalArgumentException(
                    "kvHeads=%d tpSize=%d stageLayers=%s".formatted(kvHeads, tpSize, stageLayers));
        }
        List<Shard> shards = new ArrayList<>();
        int firstLayer = 0;
        for (int layers : stageLayers) {
            for (int rank = 0; rank < tpSize; rank++) {
                int from = share(rank, kvHeads, tpSize);
                int to = Math.max(from + 1, share(rank + 1, kvHeads, tpSize));
                shards.add(new Shard(shards.size(), firstLayer, layers, from, to - from));
            }
            firstLayer += layers;
        }
        return shards;
    }

    /**
     * Layers of each of some pipeline stages, as equal as can be, the first ones larger.
     *
     * @param layers of the whole model, at least one for each stage
     * @param ppSize pipeline-parallel ranks
     */
    public static List<Integer> stages(int layers, int ppSize) {
        if (ppSize < 1 || layers < ppSize) {
            throw new IllegalArgumentException("layers=%d ppSize=%d".formatted(layers, ppSize));
        }
        return IntStream.range(0, ppSize)
                .mapToObj(stage -> layers / ppSize + (stage < layers % ppSize ? 1 : 0))
                .toList();
    }

    private static int share(int rank, int kvHeads, int tpSize) {
        return Math.toIntExact((long) rank * kvHeads / tpSize);
    }

    /**
     * Slices that fill a consumer's shard, each layer and head once. Of several producers that hold
     * the same head, the first gives it.
     *
     * @param producers shards of the instance that computed the prompt, in the order of ranks
     * @param consumer the shard to fill
     * @return slices by layer, then head
     * @throws IllegalArgumentException if nobody holds a layer or head that the consumer has
     */
    public static List<Slice> plan(List<Shard> producers, Shard consumer) {
        List<Slice> slices = new ArrayList<>();
        int layer = consumer.firstLayer();
        while (layer < consumer.endLayer()) {
            int end = consumer.endLayer();
            int head = consumer.firstHead();
            int begin = slices.size();
            while (head < consumer.endHead()) {
                Shard source = owner(producers, layer, head);
                int to = Math.min(source.endHead(), consumer.endHead());
                end = Math.min(end, source.endLayer());
                slices.add(new Slice(source.rank(), layer, 0, head, to - head));
                head = to;
            }
            for (int i = begin; i < slices.size(); i++) {
                Slice open = slices.get(i);
                slices.set(
                        i,
                        new Slice(
                                open.source(), layer, end - layer, open.firstHead(), open.heads()));
            }
            layer = end;
        }
        return slices;
    }

    private static Shard owner(List<Shard> producers, int layer, int head) {
        for (Shard shard : producers) {
            if (layer >= shard.firstLayer()
                    && layer < shard.endLayer()
                    && head >= shard.firstHead()
                    && head < shard.endHead()) {
                return shard;
            }
        }
        throw new IllegalArgumentException(
                "layer=%d head=%d is held by none of %s".formatted(layer, head, producers));
    }

    /**
     * Number of consumers that read from a producer: it frees a prompt's KV when so many have it.
     * None read from one whose heads an earlier rank holds, too.
     *
     * @param producers shards of the instance that computed the prompt, in the order of ranks
     * @param consumers shards of the instance that continues it
     * @param source rank of the producer
     */
    public static int readers(List<Shard> producers, List<Shard> consumers, int source) {
        return (int)
                consumers.stream()
                        .filter(
                                consumer ->
                                        plan(producers, consumer).stream()
                                                .anyMatch(slice -> slice.source() == source))
                        .count();
    }
}
