// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.cuda.kv.CudaKvMemory;
import io.kvlink.djl.model.config.ModelConfig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Structs {@code Attention} of {@code decoder.cuh}, one a layer: where attention finds what it
 * reads and writes in every step of a kind.
 */
final class AttentionLayers {
    private static final int BYTES = 144;

    private AttentionLayers() {}

    /** Distinct windows of the model's layers, in the order of their first layers. */
    static List<Integer> windows(ModelConfig config) {
        return config.windows().stream().distinct().toList();
    }

    /**
     * The structs as numbers for the device.
     *
     * @param input address of the step's input, laid out as {@code layout}
     */
    static int[] structs(
            ModelConfig config,
            CudaWeights weights,
            Workspace space,
            CudaKvMemory memory,
            long rotary,
            long input,
            StepLayout layout) {
        ByteBuffer structs =
                ByteBuffer.allocate(config.layers() * BYTES).order(ByteOrder.nativeOrder());
        List<Integer> windows = windows(config);
        for (int layer = 0; layer < config.layers(); layer++) {
            structs.position(layer * BYTES);
            CudaWeights.Layer own = weights.layers().get(layer);
            int list = windows.indexOf(config.windows().get(layer));
            structs.putLong(space.qkv())
                    .putLong(space.mixed())
                    .putLong(memory.layerRegion(layer).address())
                    .putLong(own.qkvBias())
                    .putLong(own.queryNorm())
                    .putLong(own.keyNorm())
                    .putLong(rotary)
                    .putLong(memory.tables())
                    .putLong(input + layout.rows())
                    .putLong(input + layout.parts(list))
                    .putLong(input + layout.partCount(list))
                    .putLong(space.partials())
                    .putLong(space.arrived())
                    .putLong(memory.valueOffset(config.computeType().kvType().bytes()))
                    .putInt(config.heads())
                    .putInt(config.kvHeads())
                    .putInt(config.headDim())
                    .putInt(memory.maxBlocks())
                    .putInt(Workspace.MAX_PARTS)
                    .putFloat((float) (1 / Math.sqrt(config.headDim())))
                    .putFloat((float) config.rmsNormEps());
        }
        int[] numbers = new int[structs.capacity() / Integer.BYTES];
        structs.rewind().asIntBuffer().get(numbers);
        return numbers;
    }
}
