// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PartPlanTest {
    private static final int ITEMS = 8;
    private static final int SLOTS = 528;

    /** A struct as the device reads it. */
    private record Part(int row, int index, int count, int from, int to, int table, int position) {}

    @Test
    void partsOfARowCoverWhatItSeesOnceAndInOrder() {
        Random random = new Random(7);
        for (int round = 0; round < 300; round++) {
            List<PartPlan.Query> queries = queries(random, 1 + random.nextInt(70));
            int window = random.nextBoolean() ? 0 : 1 + random.nextInt(3000);
            PartPlan plan = new PartPlan(random.nextBoolean(), ITEMS, SLOTS);
            List<Part> parts = parts(plan, queries, window);
            int at = 0;
            for (PartPlan.Query query : queries) {
                int end = query.position() + 1;
                int next = window == 0 ? 0 : Math.max(0, end - window);
                int count = parts.get(at).count;
                assertThat(count).isBetween(1, Workspace.MAX_PARTS);
                for (int index = 0; index < count; index++) {
                    Part part = parts.get(at++);
                    assertThat(part.row).isEqualTo(query.row());
                    assertThat(part.table).isEqualTo(query.table());
                    assertThat(part.position).isEqualTo(query.position());
                    assertThat(part.index).isEqualTo(index);
                    assertThat(part.count).isEqualTo(count);
                    assertThat(part.from).isEqualTo(next);
                    assertThat(part.to).isGreaterThan(part.from);
                    next = part.to;
                }
                assertThat(next).isEqualTo(end);
            }
            assertThat(at).isEqualTo(parts.size());
        }
    }

    @Test
    void exactPartsOfARowDontDependOnTheOthers() {
        Random random = new Random(8);
        PartPlan plan = new PartPlan(true, ITEMS, SLOTS);
        for (int round = 0; round < 100; round++) {
            List<PartPlan.Query> queries = queries(random, 64);
            List<Part> together = parts(plan, queries, 0);
            for (PartPlan.Query query : queries) {
                List<Part> alone = parts(plan, List.of(query), 0);
                assertThat(together).containsSubsequence(alone);
            }
        }
    }

    @Test
    void aLoneLongRowIsCutForTheWholeDeviceAndManyRowsAreNot() {
        PartPlan plan = new PartPlan(false, ITEMS, SLOTS);
        assertThat(parts(plan, List.of(new PartPlan.Query(0, 0, 4095)), 0))
                .hasSize(Workspace.MAX_PARTS);
        List<PartPlan.Query> many =
                IntStream.range(0, 64).mapToObj(i -> new PartPlan.Query(i, i, 1024)).toList();
        assertThat(parts(plan, many, 0)).hasSize(64);
    }

    private static List<PartPlan.Query> queries(Random random, int count) {
        List<PartPlan.Query> queries = new ArrayList<>();
        for (int row = 0; row < count; row++) {
            queries.add(
                    new PartPlan.Query(
                            row, random.nextInt(200), random.nextInt(1 << random.nextInt(18))));
        }
        return queries;
    }

    private static List<Part> parts(PartPlan plan, List<PartPlan.Query> queries, int window) {
        ByteBuffer to =
                ByteBuffer.allocate(queries.size() * Workspace.MAX_PARTS * StepLayout.PART_BYTES)
                        .order(ByteOrder.nativeOrder());
        int count = plan.write(to, queries, window);
        assertThat(to.position()).isEqualTo(count * StepLayout.PART_BYTES);
        to.rewind();
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            to.position(i * StepLayout.PART_BYTES);
            parts.add(
                    new Part(
                            to.getInt(),
                            to.getShort(),
                            to.getShort(),
                            to.getInt(),
                            to.getInt(),
                            to.getInt(),
                            to.getInt()));
        }
        return parts;
    }
}
