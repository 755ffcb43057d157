// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.cuda.CudaGraph;
import io.kvlink.cuda.CudaModule;
import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.Launch;
import io.kvlink.cuda.PinnedMemory;
import java.io.InputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A kernel of the decoder, recorded into a graph of a real GPU. */
class KernelGraphGpuIT {

    private static final int WORDS = 1000;

    private Gpu device;
    private long stream;

    @BeforeEach
    void open() {
        assumeTrue(Gpu.availability().ready(), Gpu.availability().reason());
        device = Gpu.open(0);
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
    void shouldReplayAKernelOfAGraph() throws Exception {
        long from = device.allocate(4L * WORDS);
        long to = device.allocate(2L * WORDS);
        try (CudaModule module = device.load(ptx());
                PinnedMemory host = device.allocatePinned(2L * WORDS)) {
            long function = module.function("convert_f32_bf16");
            Launch launch = new Launch(device).grid(2, 1, 1).block(128);
            CudaGraph graph =
                    CudaGraph.capture(
                            device,
                            stream,
                            () ->
                                    launch.pointer(from)
                                            .pointer(to)
                                            .value((long) WORDS)
                                            .value(0)
                                            .pointer(0)
                                            .run(function, stream));
            for (float value : new float[] {1.5f, -3}) {
                device.fill(from, Float.floatToRawIntBits(value), WORDS, stream);
                graph.launch(stream);
                device.copyOut(host.address(), to, 2L * WORDS, stream);
                device.synchronizeStream(stream);
                for (int i = 0; i < WORDS; i++) {
                    assertThat(Float.intBitsToFloat(host.buffer().getShort(2 * i) << 16))
                            .isEqualTo(value);
                }
            }
            graph.close();
        } finally {
            device.free(to);
            device.free(from);
        }
    }

    @Test
    void shouldEndACaptureWhoseWorkFails() {
        IllegalStateException broken = new IllegalStateException("broken=yes");
        assertThatThrownBy(
                        () ->
                                CudaGraph.capture(
                                        device,
                                        stream,
                                        () -> {
                                            throw broken;
                                        }))
                .isSameAs(broken);
        // Of a stream that is being captured the driver would refuse this.
        device.synchronizeStream(stream);
    }

    private static byte[] ptx() throws Exception {
        try (InputStream in = Kernels.class.getResourceAsStream("convert.ptx")) {
            return in.readAllBytes();
        }
    }
}
