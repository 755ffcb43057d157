// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.TransferId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Both sides' views of the transfers between two instances, for all pairs of shapes. */
class RankMapTest {

    private static final TransferId ROUTE = new TransferId(11, 12, 3);
    private static final List<List<Integer>> STAGES =
            List.of(List.of(6), List.of(3, 3), List.of(1, 5), List.of(2, 1, 3));

    @Test
    void shouldMeanTheSameTransfersOnBothSides() {
        for (int kvHeads : new int[] {1, 2, 6, 8}) {
            List<List<KvLayout>> instances = instances(kvHeads);
            for (List<KvLayout> producers : instances) {
                for (List<KvLayout> consumers : instances) {
                    checkPair(producers, consumers);
                }
            }
        }
    }

    private static void checkPair(List<KvLayout> producers, List<KvLayout> consumers) {
        Map<String, String> sent = new TreeMap<>();
        for (KvLayout producer : producers) {
            RankMap map = new RankMap(producer);
            for (RankMap.Link link : map.readers(ROUTE, consumers.get(0))) {
                assertThat(map.routeOfSent(link.id(), consumers.get(link.rank()))).isEqualTo(ROUTE);
                String name = producer.rank() + ">" + link.rank() + " " + link.id();
                assertThat(sent.put(name, inModel(link.part()))).as("one a pair").isNull();
            }
        }
        Map<String, String> received = new TreeMap<>();
        for (KvLayout consumer : consumers) {
            Set<TransferId> ids = new HashSet<>();
            for (RankMap.Link link : new RankMap(consumer).sources(ROUTE, producers.get(0))) {
                String name = link.rank() + ">" + consumer.rank() + " " + link.id();
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
        return "layers %d..%d heads %d..%d"
                .formatted(layer, layer + part.layers(), head, head + part.heads());
    }

    @Test
    void shouldSendWholePartsUnderTheRoutesIdBetweenEqualRanks() {
        KvLayout rank = layouts(2, 4, List.of(3, 3)).get(5);
        assertThat(new RankMap(rank).readers(ROUTE, rank))
                .isEqualTo(new RankMap(rank).sources(ROUTE, rank))
                .containsExactly(new RankMap.Link(5, ROUTE, Part.all(rank)));
    }

    @Test
    void shouldAddTheRankToTheInstancesPort() {
        HostPort instance = new HostPort("h", 1000);
        assertThat(RankMap.address(instance, 0)).isEqualTo(instance);
        assertThat(RankMap.address(instance, 7)).isEqualTo(new HostPort("h", 1007));
    }

    private static List<List<KvLayout>> instances(int kvHeads) {
        List<List<KvLayout>> instances = new ArrayList<>();
        for (List<Integer> stages : STAGES) {
            for (int tp : new int[] {1, 2, 3, 4, 8}) {
                instances.add(layouts(kvHeads, tp, stages));
            }
        }
        return instances;
    }

    private static List<KvLayout> layouts(int kvHeads, int tp, List<Integer> stages) {
        List<KvLayout> layouts = new ArrayList<>();
        for (KvShardMap.Shard shard : KvShardMap.shards(kvHeads, tp, stages)) {
            layouts.add(
                    KvLayout.builder("m", shard.layers(), shard.heads(), 4, DType.F16, 16)
                            .modelKvHeads(kvHeads)
                            .tensorParallel(shard.rank() % tp, tp)
                            .pipelineParallel(shard.rank() / tp, stages.size())
                            .stageLayers(stages)
                            .build());
        }
        return layouts;
    }
}
