// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GenerationDefaultsTest {
    @TempDir private Path directory;

    @Test
    void shouldReadWhatAuthorsWrite() throws IOException {
        Files.writeString(
                directory.resolve("generation_config.json"),
                """
                {"bos_token_id": 151643, "pad_token_id": 151643, "do_sample": true,
                 "eos_token_id": [151645, 151643], "repetition_penalty": 1.05,
                 "temperature": 0.7, "top_p": 0.8, "top_k": 20, "max_new_tokens": 512,
                 "transformers_version": "4.37.0"}
                """);
        GenerationDefaults defaults = GenerationDefaults.read(directory);
        assertThat(defaults.doSample()).isTrue();
        assertThat(defaults.temperature()).hasValue(.7);
        assertThat(defaults.topP()).hasValue(.8);
        assertThat(defaults.topK()).hasValue(20);
        assertThat(defaults.repetitionPenalty()).hasValue(1.05);
        assertThat(defaults.maxNewTokens()).hasValue(512);
        assertThat(defaults.eosTokens()).containsExactly(151645, 151643);
    }

    @Test
    void shouldBeEmptyWithoutTheFile() {
        assertThat(GenerationDefaults.read(directory)).isEqualTo(GenerationDefaults.NONE);
        assertThat(GenerationDefaults.parse("{\"temperature\":null}", 9))
                .isEqualTo(GenerationDefaults.NONE);
    }

    @Test
    void shouldSampleIfTheFileSaysHowButNotWhether() {
        assertThat(GenerationDefaults.parse("{\"top_p\":0.9}", 9).doSample()).isTrue();
        assertThat(GenerationDefaults.parse("{\"do_sample\":false,\"top_p\":0.9}", 9).doSample())
                .isFalse();
    }

    @Test
    void shouldTakeTopKThatKeepsAll() {
        assertThat(GenerationDefaults.parse("{\"top_k\":0}", 9).topK()).hasValue(0);
        assertThat(GenerationDefaults.parse("{\"top_k\":-1}", 9).topK()).hasValue(0);
    }

    @ParameterizedTest
    @CsvSource({
        "temperature,-0.1",
        "top_p,0",
        "top_p,1.5",
        "top_k,-2",
        "top_k,2.5",
        "repetition_penalty,0",
        "max_new_tokens,0",
        "do_sample,1",
        "eos_token_id,9",
    })
    void shouldRefuseWhatCannotBeMeant(String key, String value) {
        assertThatThrownBy(() -> GenerationDefaults.parse("{\"%s\":%s}".formatted(key, value), 9))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining(
                        "file=generation_config.json key=%s found=%s".formatted(key, value));
    }
}
