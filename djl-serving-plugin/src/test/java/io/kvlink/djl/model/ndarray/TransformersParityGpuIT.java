// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import io.kvlink.djl.model.config.ComputeType;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The checkpoints of every family on a real GPU, in each type. */
class TransformersParityGpuIT {
    private static final Device GPU = Device.gpu(0);

    static List<String> names() throws IOException {
        return Expected.names();
    }

    @BeforeEach
    void requireGpu() {
        TestManagers.gpu(0).close();
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldGiveTheLogitsAndTokensOfTransformers(String name) {
        Expected.assertAnswers(name, ComputeType.FLOAT32, GPU, 16, 1e-4);
        Expected.assertBatches(name, ComputeType.FLOAT32, GPU, 1e-4);
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInFloat16(String name) {
        Expected.assertAnswers(name, ComputeType.FLOAT16, GPU, 16, .08);
        Expected.assertBatches(name, ComputeType.FLOAT16, GPU, .08);
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInBfloat16(String name) {
        Expected.assertAnswers(name, ComputeType.BFLOAT16, GPU, 16, .64);
        Expected.assertBatches(name, ComputeType.BFLOAT16, GPU, .64);
    }
}
