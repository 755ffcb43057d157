// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * Division of single queries' attention into parts that blocks of threads compute. Where bits
 * matter a row's parts depend on its own length only. Else long rows are cut so that all of the
 * device has work. Immutable.
 *
 * @param exact whether a row's parts may not depend on other rows
 * @param itemsOfPart work items of a part: KV heads, times shares of their query heads
 * @param slots items that the device computes at a time
 */
record PartPlan(boolean exact, int itemsOfPart, int slots) {
    private static final int EXACT_TOKENS = 512;
    private static final int LEAST_TOKENS = 64;
    private static final int STEP = 16;

    /**
     * A row's query.
     *
     * @param row of the step
     * @param table of its sequence
     * @param position of its token, the last key that it sees
     */
    record Query(int row, int table, int position) {
        private int seen(int window) {
            return position + 1 - first(window);
        }

        private int first(int window) {
            return window == 0 ? 0 : Math.max(0, position + 1 - window);
        }
    }

    /**
     * Writes structs {@code Part}.
     *
     * @param window of tokens that the queries see; 0 for all
     * @return how many were written
     */
    int write(ByteBuffer to, List<Query> queries, int window) {
        double tokens = exact ? EXACT_TOKENS : tokensOfPart(queries, window);
        int written = 0;
        for (Query query : queries) {
            int seen = query.seen(window);
            // A few tokens more in a part cost less than another part.
            long wanted = Math.max(1, Math.min(Workspace.MAX_PARTS, Math.round(seen / tokens)));
            int even = (int) ((seen + wanted - 1) / wanted);
            int size = (even + STEP - 1) / STEP * STEP;
            int count = (seen + size - 1) / size;
            for (int part = 0; part < count; part++) {
                int from = query.first(window) + part * size;
                write(to, query, part, count, from, Math.min(query.position + 1, from + size));
            }
            written += count;
        }
        return written;
    }

    /** Writes one struct. */
    static void write(ByteBuffer to, Query query, int part, int count, int from, int end) {
        to.putInt(query.row).putShort((short) part).putShort((short) count);
        to.putInt(from).putInt(end);
        to.putInt(query.table).putInt(query.position).putLong(0);
    }

    private double tokensOfPart(List<Query> queries, int window) {
        double all = 0;
        for (Query query : queries) {
            all += query.seen(window);
        }
        return Math.max(LEAST_TOKENS, all * itemsOfPart / slots);
    }
}
