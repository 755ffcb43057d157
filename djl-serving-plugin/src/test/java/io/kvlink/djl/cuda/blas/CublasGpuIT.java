// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.blas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.cuda.PinnedMemory;
import io.kvlink.djl.cuda.OpenGpu;
import java.util.Random;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** cuBLAS of a real GPU. */
class CublasGpuIT {

    @RegisterExtension final OpenGpu gpu = new OpenGpu();

    @ParameterizedTest
    @CsvSource({"1, false", "5, true", "33, false"})
    void shouldMultiplyRowMajorMatrices(int rows, boolean add) {
        assumeTrue(Cublas.availability().ready(), Cublas.availability().reason());
        int outs = 7;
        int ins = 12;
        int stride = 9;
        Random random = new Random(rows);
        float[] weights = random(random, outs * ins);
        float[] x = random(random, rows * ins);
        float[] y = random(random, rows * stride);
        long workspace = gpu.device().allocate(1 << 20);
        long[] arrays = {upload(weights), upload(x), upload(y)};
        try (Cublas cublas = Cublas.open(gpu.device(), workspace, 1 << 20)) {
            cublas.setStream(gpu.stream());
            cublas.gemm(
                    ElementType.F32,
                    ElementType.F32,
                    outs,
                    rows,
                    ins,
                    arrays[0],
                    arrays[1],
                    arrays[2],
                    stride,
                    add);
            float[] read = download(arrays[2], y.length);
            for (int row = 0; row < rows; row++) {
                for (int out = 0; out < stride; out++) {
                    int at = row * stride + out;
                    double expected = out >= outs || add ? y[at] : 0;
                    for (int in = 0; in < ins && out < outs; in++) {
                        expected += (double) x[row * ins + in] * weights[out * ins + in];
                    }
                    assertThat((double) read[at]).isEqualTo(expected, within(1e-5));
                }
            }
        } finally {
            for (long address : arrays) {
                gpu.device().free(address);
            }
            gpu.device().free(workspace);
        }
    }

    private static float[] random(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat() - .5f;
        }
        return values;
    }

    private long upload(float[] values) {
        long address = gpu.device().allocate(4L * values.length);
        try (PinnedMemory host = gpu.device().allocatePinned(4L * values.length)) {
            host.buffer().asFloatBuffer().put(values);
            gpu.device().copyIn(address, host.address(), 4L * values.length, gpu.stream());
            gpu.device().synchronizeStream(gpu.stream());
        }
        return address;
    }

    private float[] download(long address, int count) {
        float[] values = new float[count];
        try (PinnedMemory host = gpu.device().allocatePinned(4L * count)) {
            gpu.device().copyOut(host.address(), address, 4L * count, gpu.stream());
            gpu.device().synchronizeStream(gpu.stream());
            host.buffer().asFloatBuffer().get(values);
        }
        return values;
    }
}
