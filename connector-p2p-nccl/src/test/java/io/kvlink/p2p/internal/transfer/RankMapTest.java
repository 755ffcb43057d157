// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.TransferId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Both sides' views of the transfers between two instances, for all pairs of shapes. */
class RankMapTest {

    private static final TransferId ROUTE = new TransferId(11, 12, 3);
    private static final List<List<Integer>> STAGES =
            List.of(List.of(6), List.of(3, 3), List.of(1, 5), List.of(2, 1, 3));

    @Test
    void shouldMeanTheSameTransfersOnBothSides() {
        for (int kvHeads : new int[] {1, 2, 6, 8}) {
            List<List<List<KvLayerGroup>>> instances = instances(kvHeads);
            for (List<List<KvLayerGroup>> producers : instances) {
                for (List<List<KvLayerGroup>> consumers : instances) {
                    checkPair(producers, consumers);
                }
            }
        }
    }

    private static void checkPair(
            List<List<KvLayerGroup>> producers, List<List<KvLayerGroup>> consumers) {
        Map<String, String> sent = new TreeMap<>();
        for (List<KvLayerGroup> producer : producers) {
            RankMap map = new RankMap(producer);
            for (RankMap.Link link : map.readers(ROUTE, consumers.get(0))) {
                assertThat(map.routesOfSent(link.id(), consumers.get(link.rank()))).contains(ROUTE);
                String name = map.rank() + ">" + link.rank() + " " + link.id();
                assertThat(sent.put(name, inModel(link.part()))).as("one a pair").isNull();
            }
        }
        Map<String, String> received = new TreeMap<>();
        for (List<KvLayerGroup> consumer : consumers) {
            RankMap map = new RankMap(consumer);
            Set<TransferId> ids = new HashSet<>();
            for (RankMap.Link link : map.sources(ROUTE, producers.get(0))) {
                String name = link.rank() + ">" + map.rank() + " " + link.id();
                assertThat(received.put(name, inModel(link.part()))).as("one a pair").isNull();
                assertThat(ids.add(link.id())).as("a name of its own here").isTrue();
            }
        }
        assertThat(sent).as("%s to %s", producers.get(0), consumers.get(0)).isEqualTo(received);
    }

    // Layers and heads of the model.
    private static String inModel(Part part) {
        KvShardMap.Shard shard = part.layout().shard();
        int layer = shard.firstLayer() + part.firstLayer();
        int head = shard.firstHead() + part.firstHead();
        return "group %d layers %d..%d heads %d..%d"
                .formatted(part.number(), layer, layer + part.layers(), head, head + part.heads());
    }

    @Test
    void shouldSendWholePartsUnderTheRoutesIdBetweenEqualRanks() {
        List<KvLayerGroup> rank = groups(2, 4, List.of(3, 3)).get(5);
        List<RankMap.Link> links = new RankMap(rank).readers(ROUTE, rank);
        assertThat(links).isEqualTo(new RankMap(rank).sources(ROUTE, rank)).hasSize(2);
        assertThat(links.get(0)).isEqualTo(new RankMap.Link(5, ROUTE, Part.all(0, rank.get(0))));
        assertThat(links.get(1).part()).isEqualTo(Part.all(1, rank.get(1)));
        assertThat(links.get(1).id()).isNotEqualTo(ROUTE);
    }

    @Test
    void shouldAddTheRankToTheInstancesPort() {
        HostPort instance = new HostPort("h", 1000);
        assertThat(RankMap.address(instance, 0)).isEqualTo(instance);
        assertThat(RankMap.address(instance, 7)).isEqualTo(new HostPort("h", 1007));
    }

    private static List<List<List<KvLayerGroup>>> instances(int kvHeads) {
        List<List<List<KvLayerGroup>>> instances = new ArrayList<>();
        for (List<Integer> stages : STAGES) {
            for (int tp : new int[] {1, 2, 3, 4, 8}) {
                instances.add(groups(kvHeads, tp, stages));
            }
        }
        return instances;
    }

    // Of each rank: so many layers with these heads, and as many with latent rows.
    private static List<List<KvLayerGroup>> groups(int kvHeads, int tp, List<Integer> stages) {
        List<List<KvLayerGroup>> groups = new ArrayList<>();
        List<KvShardMap.Shard> latent = KvShardMap.shards(1, tp, stages);
        for (KvShardMap.Shard shard : KvShardMap.shards(kvHeads, tp, stages)) {
            KvLayout heads = layout(shard, kvHeads, tp, stages).build();
            KvLayout row = layout(latent.get(shard.rank()), 1, tp, stages).latent().build();
            int layers = shard.layers();
            groups.add(
                    List.of(
                            KvLayerGroup.of(heads, every(0, layers)),
                            KvLayerGroup.of(row, every(1, layers))));
        }
        return groups;
    }

    private static List<Integer> every(int first, int layers) {
        return IntStream.range(0, layers).mapToObj(layer -> 2 * layer + first).toList();
    }

    private static KvLayout.Builder layout(
            KvShardMap.Shard shard, int kvHeads, int tp, List<Integer> stages) {
        return KvLayout.builder("m", shard.layers(), shard.heads(), 4, DType.F16, 16)
                .modelKvHeads(kvHeads)
                .tensorParallel(shard.rank() % tp, tp)
                .pipelineParallel(shard.rank() / tp, stages.size())
                .stageLayers(stages);
    }
}
