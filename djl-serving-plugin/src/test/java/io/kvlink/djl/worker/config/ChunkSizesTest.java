// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.config;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChunkSizesTest {

    @ParameterizedTest
    @CsvSource({
        "16, 10, 40, 0",
        "16, 16, 40, 16",
        "16, 32, 40, 32",
        "16, 39, 40, 32",
        "16, 70, 40, 32",
        "16, 48, 48, 32",
        "16, 49, 49, 48",
        "1, 31, 32, 31",
        "1, 32, 32, 31",
        "1, 1, 1, 0"
    })
    void shouldLetAStoreKeepWholeChunksWithoutThePromptsLastToken(
            int chunk, int computed, int prompt, int storable) {
        assertThat(new ChunkSizes(chunk, true).storable(computed, prompt)).isEqualTo(storable);
        assertThat(new ChunkSizes(chunk, false).storable(computed, prompt)).isEqualTo(computed);
    }
}
