// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.cuda.CudaGraph;
import io.kvlink.cuda.CudaModule;
import io.kvlink.cuda.Launch;
import io.kvlink.cuda.PinnedMemory;
import java.io.InputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A kernel of the decoder, recorded into a graph of a real GPU. */
class KernelGraphGpuIT {

    private static final int WORDS = 1000;

    @RegisterExtension final OpenGpu gpu = new OpenGpu();

    @Test
    void shouldReplayAKernelOfAGraph() throws Exception {
        long from = gpu.device().allocate(4L * WORDS);
        long to = gpu.device().allocate(2L * WORDS);
        try (CudaModule module = gpu.device().load(ptx());
                PinnedMemory host = gpu.device().allocatePinned(2L * WORDS)) {
            long function = module.function("convert_f32_bf16");
            Launch launch = new Launch(gpu.device()).grid(2, 1, 1).block(128);
            CudaGraph graph =
                    CudaGraph.capture(
                            gpu.device(),
                            gpu.stream(),
                            () ->
                                    launch.pointer(from)
                                            .pointer(to)
                                            .value((long) WORDS)
                                            .value(0)
                                            .pointer(0)
                                            .run(function, gpu.stream()));
            for (float value : new float[] {1.5f, -3}) {
                gpu.device().fill(from, Float.floatToRawIntBits(value), WORDS, gpu.stream());
                graph.launch(gpu.stream());
                gpu.device().copyOut(host.address(), to, 2L * WORDS, gpu.stream());
                gpu.device().synchronizeStream(gpu.stream());
                for (int i = 0; i < WORDS; i++) {
                    assertThat(Float.intBitsToFloat(host.buffer().getShort(2 * i) << 16))
                            .isEqualTo(value);
                }
            }
            graph.close();
        } finally {
            gpu.device().free(to);
            gpu.device().free(from);
        }
    }

    @Test
    void shouldEndACaptureWhoseWorkFails() {
        IllegalStateException broken = new IllegalStateException("broken=yes");
        assertThatThrownBy(
                        () ->
                                CudaGraph.capture(
                                        gpu.device(),
                                        gpu.stream(),
                                        () -> {
                                            throw broken;
                                        }))
                .isSameAs(broken);
        // Of a stream that is being captured the driver would refuse this.
        gpu.device().synchronizeStream(gpu.stream());
    }

    private static byte[] ptx() throws Exception {
        try (InputStream in = Kernels.class.getResourceAsStream("convert.ptx")) {
            return in.readAllBytes();
        }
    }
}
