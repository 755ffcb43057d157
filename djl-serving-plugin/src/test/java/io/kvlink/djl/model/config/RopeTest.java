// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RopeTest {
    private static final int HEAD_DIM = 128;

    @Test
    void shouldKeepMixAndStretchAsLlama31Does() {
        Rope rope =
                rope(
                        """
                        {"rope_theta": 500000.0, "max_position_embeddings": 131072,
                         "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0,
                          "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
                          "rope_type": "llama3"}}
                        """);
        float[] found = rope.frequencies(HEAD_DIM);
        for (int i = 0; i < HEAD_DIM / 2; i++) {
            double plain = Math.pow(500000, -2.0 * i / HEAD_DIM);
            double turns = 8192 * plain / (2 * Math.PI);
            double kept = Math.min(1, Math.max(0, (turns - 1) / 3));
            double wanted = plain * (kept + (1 - kept) / 8);
            assertThat(found[i] / wanted).isCloseTo(1, within(1e-5));
        }
        assertThat(rope.attentionFactor()).isEqualTo(1);
        assertThat(rope.contextLength(131072)).isEqualTo(131072);
    }

    @Test
    void shouldStretchAsQwenAsksForYarn() {
        Rope rope =
                rope(
                        """
                        {"rope_theta": 1000000.0, "max_position_embeddings": 32768,
                         "rope_scaling": {"factor": 4.0, "type": "yarn",
                          "original_max_position_embeddings": 32768}}
                        """);
        float[] found = rope.frequencies(HEAD_DIM);
        assertThat(found[0]).isEqualTo(1);
        // The last pair doesn't turn once in 32768 positions.
        assertThat(found[63] / (Math.pow(1e6, -126 / 128.0) / 4)).isCloseTo(1, within(1e-5));
        // Halfway between the pairs that turn 32 times and once: (23 + 40) / 2.
        double plain = Math.pow(1e6, -2 * 31 / 128.0);
        double kept = 1 - (31 - 23) / 17.0;
        assertThat(found[31] / (plain * (kept + (1 - kept) / 4))).isCloseTo(1, within(1e-5));
        assertThat(rope.attentionFactor()).isCloseTo(1.1386294f, within(1e-6f));
        assertThat(rope.contextLength(32768)).isEqualTo(131072);
    }

    @Test
    void shouldReadOldAndNewFilesAlike() {
        Rope old =
                rope(
                        "{\"rope_theta\": 16.0, \"rope_scaling\": {\"type\":\"linear\",\"factor\":2}}");
        Rope renamed =
                rope(
                        "{\"rope_parameters\": {\"rope_theta\": 16.0, \"rope_type\":\"linear\","
                                + "\"factor\":2}}");
        assertThat(renamed).isEqualTo(old);
        assertThat(old.frequencies(4)).containsExactly(.5f, .125f);
    }

    @Test
    void shouldBePlainWithoutScaling() {
        assertThat(rope("{}")).isEqualTo(new Rope.Plain(10_000));
        assertThat(rope("{\"rope_theta\":5.0,\"rope_scaling\":null}")).isEqualTo(new Rope.Plain(5));
        assertThat(rope("{\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2.0}}"))
                .isEqualTo(new Rope.Plain(10_000));
    }

    private static Rope rope(String config) {
        return Rope.of(JsonFields.parse("config.json", config));
    }
}
