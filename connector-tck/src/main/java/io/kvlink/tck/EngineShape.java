// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.AxisOrder;

/**
 * Layout and size of a fake engine's KV memory.
 *
 * @param layout its layout
 * @param blocks how many blocks it has
 * @param direct true for direct buffers, false for arrays; without effect on a device
 */
public record EngineShape(KvLayout layout, int blocks, boolean direct) {

    private static final String MODEL = "tck-model";
    private static final int TOKENS = 2048;

    static final EngineShape DEFAULT = of(16, AxisOrder.KV_FIRST, false);

    static EngineShape of(int blockSize, AxisOrder order, boolean direct) {
        KvLayout layout =
                KvLayout.builder(MODEL, 3, 2, 4, DType.BF16, blockSize).axisOrder(order).build();
        return new EngineShape(layout, TOKENS / blockSize, direct);
    }

    EngineShape withKvHeads(int kvHeads) {
        KvLayout other = KvLayout.single(MODEL, 3, kvHeads, 4, DType.BF16, layout.blockSize());
        return new EngineShape(other, blocks, direct);
    }

    EngineShape ofModel(String model) {
        KvLayout other = KvLayout.single(model, 3, 2, 4, DType.BF16, layout.blockSize());
        return new EngineShape(other, blocks, direct);
    }

    EngineShape ofRank(int rank, int ranks) {
        KvLayout other =
                KvLayout.builder(MODEL, 3, 2, 4, DType.BF16, layout.blockSize())
                        .tensorParallel(rank, ranks)
                        .build();
        return new EngineShape(other, blocks, direct);
    }

    EngineShape withBlocks(int number) {
        return new EngineShape(layout, number, direct);
    }

    /** Bytes of one layer's region. */
    public long regionBytes() {
        return blocks * layout.blockBytes();
    }
}
