// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import io.kvlink.djl.model.TinyModels;
import org.junit.jupiter.api.Test;

class ComputeTypeTest {
    // Its files hold float16.
    private static final ModelConfig MODEL = ModelConfig.read(TinyModels.DEMO);

    @Test
    void shouldFollowTheSetting() {
        assertThat(ComputeType.settings())
                .containsExactly("auto", "float32", "float16", "bfloat16");
        for (ComputeType type : ComputeType.values()) {
            assertThat(ComputeType.of(type.key(), MODEL, Device.cpu())).isEqualTo(type);
        }
        assertThatThrownBy(() -> ComputeType.of("half", MODEL, Device.cpu()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("dtype=half allowed=[auto, float32, float16, bfloat16]");
    }

    @Test
    void shouldTakeTheFilesTypeOnAGpuOnly() {
        assertThat(ComputeType.of("auto", MODEL, Device.cpu())).isEqualTo(ComputeType.FLOAT32);
        assertThat(ComputeType.of("auto", MODEL, Device.gpu())).isEqualTo(ComputeType.FLOAT16);
    }
}
