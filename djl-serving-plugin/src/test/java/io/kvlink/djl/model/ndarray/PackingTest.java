// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.tensor.PackedLinear;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PackingTest {

    private final NDManager manager = TestManagers.cpu();

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldPackAModelOfFloat32OnTheCpu() {
        assertThat(Packing.of(config(64, 96), Device.cpu()).wanted()).isTrue();
        assertThat(Packing.of(config(64, 96), Device.gpu()).wanted()).isFalse();
        for (ComputeType half : new ComputeType[] {ComputeType.FLOAT16, ComputeType.BFLOAT16}) {
            ModelConfig narrow = config(64, 96).computedIn(half);
            assertThat(Packing.of(narrow, Device.cpu()).wanted()).isFalse();
        }
    }

    @Test
    void shouldLeaveTheMatricesOfALargeModelAsTheyAre() {
        // Three layers, each with three matrices of hidden times inner and little else.
        assertThat(Packing.of(config(4096, 7_000), Device.cpu()).wanted()).isTrue();
        assertThat(Packing.of(config(4096, 7_400), Device.cpu()).wanted()).isFalse();
    }

    @Test
    void shouldLeaveASmallMatrixAsItIs() {
        Packing packing = new Packing(true);
        assertThat(packing.wants(manager.zeros(new Shape(255, 256)))).isFalse();
        assertThat(packing.wants(manager.zeros(new Shape(256, 256)))).isTrue();
        assertThat(new Packing(false).wants(manager.zeros(new Shape(256, 256)))).isFalse();
    }

    @Test
    void shouldTakeThePackedMatrixForSeveralRowsOnly() {
        NDArray ones = manager.ones(new Shape(3, 2));
        // Another matrix than the one it stands for, to tell them apart.
        Projection projection = new Projection(ones, true, null, PackedLinear.pack(ones.mul(5)));
        assertThat(projection.apply(manager.ones(new Shape(1, 2))).toFloatArray())
                .containsExactly(2, 2, 2);
        assertThat(projection.apply(manager.ones(new Shape(2, 2))).toFloatArray())
                .containsExactly(10, 10, 10, 10, 10, 10);
    }

    private static ModelConfig config(int hidden, int inner) {
        TinyCheckpoint.Shape shape = new TinyCheckpoint.Shape(64, 96, 3, 4, 2, 16, true);
        String json = TinyCheckpoint.random(shape, 1).configJson();
        return ModelConfig.parse(
                json.replaceFirst("\"hidden_size\": *64", "\"hidden_size\":" + hidden)
                        .replaceFirst(
                                "\"intermediate_size\": *96", "\"intermediate_size\":" + inner),
                null);
    }
}
