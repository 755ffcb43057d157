// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The driver and cuBLAS of a real GPU. */
class CudaDeviceGpuIT {

    private static final int WORDS = 1000;

    private CudaDevice device;
    private long stream;

    @BeforeEach
    void open() {
        assumeTrue(CudaDevice.availability().ready(), CudaDevice.availability().reason());
        device = CudaDevice.open(0);
        stream = device.newStream();
    }

    @AfterEach
    void close() {
        if (device != null) {
            device.destroyStream(stream);
            device.close();
        }
    }

    @Test
    void shouldDescribeTheDevice() {
        assertThat(device.name()).isNotBlank();
        assertThat(device.capability()).isBetween(50, 200);
        assertThat(device.multiprocessors()).isPositive();
        assertThat(device.freeBytes()).isPositive().isLessThanOrEqualTo(device.totalBytes());
    }

    @Test
    void shouldCopyInTheOrderOfStreamsAndEvents() {
        long first = device.allocate(4L * WORDS);
        long second = device.allocate(4L * WORDS);
        long other = device.newStream();
        long event = device.newEvent();
        try (PinnedMemory host = device.allocatePinned(4L * WORDS)) {
            device.fill(first, 0x01020304, WORDS, stream);
            device.record(event, stream);
            device.await(other, event);
            device.copy(second, first, 4L * WORDS, other);
            device.copyOut(host.address(), second, 4L * WORDS, other);
            device.record(event, other);
            device.synchronize(event);
            assertThat(device.complete(event)).isTrue();
            ByteBuffer read = host.buffer();
            for (int i = 0; i < WORDS; i++) {
                assertThat(read.getInt(4 * i)).isEqualTo(0x01020304);
            }
        } finally {
            device.destroyEvent(event);
            device.destroyStream(other);
            device.free(second);
            device.free(first);
        }
    }

    @Test
    void shouldReplayAKernelOfAGraph() throws Exception {
        long from = device.allocate(4L * WORDS);
        long to = device.allocate(2L * WORDS);
        try (CudaModule module = device.load(ptx());
                PinnedMemory host = device.allocatePinned(2L * WORDS)) {
            long function = module.function("convert_f32_bf16");
            device.beginCapture(stream);
            new Launch(device)
                    .grid(2, 1, 1)
                    .block(128)
                    .pointer(from)
                    .pointer(to)
                    .value((long) WORDS)
                    .value(0)
                    .pointer(0)
                    .run(function, stream);
            long graph = device.endCapture(stream);
            for (float value : new float[] {1.5f, -3}) {
                device.fill(from, Float.floatToRawIntBits(value), WORDS, stream);
                device.launchGraph(graph, stream);
                device.copyOut(host.address(), to, 2L * WORDS, stream);
                device.synchronizeStream(stream);
                for (int i = 0; i < WORDS; i++) {
                    assertThat(Float.intBitsToFloat(host.buffer().getShort(2 * i) << 16))
                            .isEqualTo(value);
                }
            }
            device.destroyGraph(graph);
            device.beginCapture(stream);
            device.abandonCapture(stream);
            device.synchronizeStream(stream);
        } finally {
            device.free(to);
            device.free(from);
        }
    }

    @Test
    void shouldSayWhatTheTranslatorSays() {
        byte[] bad = ".version 7.8\n.target sm_80\nnonsense\n".getBytes(StandardCharsets.US_ASCII);
        assertThatThrownBy(() -> device.load(bad))
                .isInstanceOf(CudaException.class)
                .hasMessageContaining("CUDA_ERROR_INVALID_PTX")
                .hasMessageContaining("log=ptxas");
    }

    @Test
    void shouldTellWhenMemoryDoesNotSuffice() {
        long bytes = device.totalBytes() + (1L << 30);
        assertThatThrownBy(() -> device.allocate(bytes))
                .isInstanceOfSatisfying(
                        CudaException.class, thrown -> assertThat(thrown.outOfMemory()).isTrue())
                .hasMessageContaining("CUDA_ERROR_OUT_OF_MEMORY")
                .hasMessageContaining("bytes=" + bytes);
    }

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
        long workspace = device.allocate(1 << 20);
        long[] arrays = {upload(weights), upload(x), upload(y)};
        try (Cublas cublas = Cublas.open(device, workspace, 1 << 20)) {
            cublas.setStream(stream);
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
                device.free(address);
            }
            device.free(workspace);
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
        long address = device.allocate(4L * values.length);
        try (PinnedMemory host = device.allocatePinned(4L * values.length)) {
            host.buffer().asFloatBuffer().put(values);
            device.copyIn(address, host.address(), 4L * values.length, stream);
            device.synchronizeStream(stream);
        }
        return address;
    }

    private float[] download(long address, int count) {
        float[] values = new float[count];
        try (PinnedMemory host = device.allocatePinned(4L * count)) {
            device.copyOut(host.address(), address, 4L * count, stream);
            device.synchronizeStream(stream);
            host.buffer().asFloatBuffer().get(values);
        }
        return values;
    }

    private static byte[] ptx() throws Exception {
        try (InputStream in =
                CudaDevice.class.getResourceAsStream("/io/kvlink/djl/cuda/convert.ptx")) {
            return in.readAllBytes();
        }
    }
}
