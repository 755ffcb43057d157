// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** The numbers of float32 arrays that are contiguous and on the CPU, without the engine. */
final class CpuArrays {
    private CpuArrays() {}

    /** The array's own memory, as long as it is open. */
    static FloatBuffer floats(NDArray array) {
        return array.toByteBuffer(true).order(ByteOrder.nativeOrder()).asFloatBuffer();
    }

    static float[] copy(NDArray array) {
        FloatBuffer floats = floats(array);
        float[] copy = new float[floats.remaining()];
        floats.get(copy);
        return copy;
    }

    /** Adds numbers to those of an array. */
    static void add(float[] added, NDArray to) {
        FloatBuffer floats = floats(to);
        float[] sum = new float[added.length];
        floats.get(0, sum);
        for (int i = 0; i < sum.length; i++) {
            sum[i] += added[i];
        }
        floats.put(0, sum);
    }
}
