// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockTable;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Blocks of one request on their way to files.
 *
 * @param request whose prompt they are of
 * @param table the engine's blocks
 * @param firstBlock index of the first of them in the prompt
 * @param blocks memory for their KV, taken from the budget
 * @param last whether the prompt has no whole block behind them
 * @param budget gets the memory back
 */
record BlockSave(
        StoredRequest request,
        BlockTable table,
        int firstBlock,
        List<ByteBuffer> blocks,
        boolean last,
        ByteBudget budget) {

    long bytes() {
        return blocks.stream().mapToLong(ByteBuffer::capacity).sum();
    }

    /** Gives the memory back. */
    void release() {
        if (!blocks.isEmpty()) {
            budget.give(blocks.size(), blocks.get(0).capacity());
        }
    }
}
