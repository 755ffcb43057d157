// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import io.kvlink.djl.engine.DecoderParity;
import io.kvlink.djl.engine.Decoders;
import io.kvlink.djl.model.Expected;
import io.kvlink.djl.model.config.ComputeType;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The checkpoints of every family on a real GPU, in each type. */
class TransformersParityGpuIT {
    private static final Decoders GPU = new Decoders(Device.gpu(0), NDArrayDecoder::open);

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
        DecoderParity.assertParity(GPU, name, ComputeType.FLOAT32, 1e-4);
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInFloat16(String name) {
        DecoderParity.assertParity(GPU, name, ComputeType.FLOAT16, .08);
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInBfloat16(String name) {
        DecoderParity.assertParity(GPU, name, ComputeType.BFLOAT16, .64);
    }
}
