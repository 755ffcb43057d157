// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.engine.DecoderParity;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.model.Expected;
import io.kvlink.djl.model.config.ComputeType;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The checkpoints of every family on the CUDA decoder, in each type. */
class CudaParityGpuIT {

    static List<String> names() throws IOException {
        return Expected.names();
    }

    @BeforeEach
    void requireGpu() {
        CudaDecoders.requireGpu();
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldGiveTheLogitsAndTokensOfTransformers(String name) {
        assertParity(name, ComputeType.FLOAT32, 1e-4);
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInFloat16(String name) {
        assertParity(name, ComputeType.FLOAT16, .08);
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInBfloat16(String name) {
        assertParity(name, ComputeType.BFLOAT16, .64);
    }

    private static void assertParity(String name, ComputeType type, double tolerance) {
        DecoderSpec spec = DecoderParity.spec(CudaDecoders.GPU, name, type);
        if (type != ComputeType.FLOAT32 && spec.model().headDim() == 20) {
            assertThat(CudaModels.whyNot(spec)).startsWith("head_dim=20 ");
            return;
        }
        assertThat(CudaModels.whyNot(spec)).isEmpty();
        DecoderParity.assertParity(CudaDecoders.GPU, name, type, tolerance);
    }
}
