// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.TinyModels;
import java.nio.file.Path;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelConfigTest {
    private static final String VALID =
            TinyCheckpoint.random(new TinyCheckpoint.Shape(64, 96, 3, 4, 2, 16, true), 1)
                    .configJson();

    @Test
    void shouldReadTheDemoModel() {
        ModelConfig config = ModelConfig.read(TinyModels.DEMO);
        assertThat(config.layers()).isEqualTo(8);
        assertThat(config.heads()).isEqualTo(8);
        assertThat(config.kvHeads()).isEqualTo(4);
        assertThat(config.headDim()).isEqualTo(32);
        assertThat(config.contextLength()).isEqualTo(1024);
        assertThat(config.tiedEmbeddings()).isTrue();
        assertThat(config.bosToken()).hasValue(1);
        assertThat(config.eosTokens()).containsExactly(2);
        assertThat(config.diskType()).isEqualTo("float16");
    }

    @Test
    void shouldFillInWhatIsAbsent() {
        JsonObject json = JsonParser.parseString(VALID).getAsJsonObject();
        json.remove("head_dim");
        json.remove("num_key_value_heads");
        json.remove("eos_token_id");
        ModelConfig config = ModelConfig.parse(json.toString(), null);
        assertThat(config.headDim()).isEqualTo(16);
        assertThat(config.kvHeads()).isEqualTo(4);
        assertThat(config.eosTokens()).isEmpty();
        assertThat(config.bosToken()).isEmpty();
    }

    @Test
    void shouldShortenTheContextAndNeverLengthenIt() {
        ModelConfig config = ModelConfig.read(TinyModels.DEMO);
        assertThat(config.within(512).contextLength()).isEqualTo(512);
        assertThat(config.within(512).within(1024 / 2)).isEqualTo(config.within(512));
        assertThat(config.within(Integer.MAX_VALUE)).isEqualTo(config);
        assertThatThrownBy(() -> config.within(1025))
                .isInstanceOf(ModelLoadException.class)
                .hasMessage(
                        "option.max_model_len=1025 context_length=1024; expected no more than the"
                                + " model's context");
    }

    @Test
    void shouldJoinTheEndTokensOfBothFiles() {
        ModelConfig config = ModelConfig.parse(VALID, "{\"eos_token_id\":[5,2,9]}");
        assertThat(config.eosTokens()).containsExactly(2, 5, 9);
        assertThat(config.isEos(9)).isTrue();
        assertThat(config.isEos(3)).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "model_type|\"gemma2\"|one of [llama, mistral, qwen2, qwen3]",
                "architectures|[\"MixtralForCausalLM\"]|one of [LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM]",
                "architectures|[\"Qwen3MoeForCausalLM\"]|one of [LlamaForCausalLM",
                "hidden_act|\"gelu\"|one of [silu]",
                "rope_type|\"longrope\"|one of [default, linear, dynamic, llama3, yarn]",
                "rope_scaling|\"yarn\"|an object",
                "rope_parameters|{\"full_attention\":{}}|one set of parameters for all layers",
                "partial_rotary_factor|0.5|one of [1.0]",
                "model_type|\"mistral\"|llama, as architectures say",
                "factor|0.5|a number 1.0..",
                "num_local_experts|8|none; models that are mixtures of experts aren't served",
                "quantization_config|{\"bits\":4}|one of [null]",
                "attention_bias|1|true or false",
                "torch_dtype|\"float8\"|one of [float16, bfloat16, float32]",
                "vocab_size|0|a whole number 1..4194304",
                "num_hidden_layers|1e3|a whole number 1..1024",
                "hidden_size|\"64\"|a whole number 1..4194304",
                "num_key_value_heads|3|a divisor of 4",
                "head_dim|15|an even number",
                "rms_norm_eps|-1|a number more than 0",
                "rope_theta|\"x\"|a number 1.0..1.0E12",
                "eos_token_id|96|token ids 0..95",
                "tie_word_embeddings|1|true or false",
            })
    void shouldRefuseWhatItCannotServe(String key, String value, String expected) {
        JsonObject json = JsonParser.parseString(VALID).getAsJsonObject();
        JsonElement found = JsonParser.parseString(value);
        json.add("architectures", JsonParser.parseString("[\"LlamaForCausalLM\"]"));
        if (key.equals("model_type") && !value.contains("mistral")) {
            json.remove("architectures");
        }
        if (key.equals("rope_type") || key.equals("factor")) {
            JsonObject rope = new JsonObject();
            rope.addProperty("rope_type", "yarn");
            rope.add(key, found);
            json.add("rope_parameters", rope);
        } else {
            json.add(key, found);
        }
        assertThatThrownBy(() -> ModelConfig.parse(json.toString(), null))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("file=config.json key=" + key + " found=" + found)
                .hasMessageContaining("expected=" + expected);
    }

    @Test
    void shouldKnowWhatAFamilyLeavesOut() {
        JsonObject json = JsonParser.parseString(VALID).getAsJsonObject();
        json.addProperty("num_attention_heads", 16);
        json.remove("head_dim");
        json.remove("num_key_value_heads");
        json.remove("sliding_window");
        json.addProperty("model_type", "mistral");
        json.addProperty("max_position_embeddings", 32768);
        ModelConfig mistral = ModelConfig.parse(json.toString(), null);
        assertThat(mistral.kvHeads()).isEqualTo(8);
        assertThat(mistral.windows()).containsExactly(4096, 4096, 4096);
        json.add("sliding_window", JsonNull.INSTANCE);
        assertThat(ModelConfig.parse(json.toString(), null).windows()).containsExactly(0, 0, 0);

        json.addProperty("model_type", "qwen3");
        ModelConfig qwen3 = ModelConfig.parse(json.toString(), null);
        assertThat(qwen3.headDim()).isEqualTo(128);
        assertThat(qwen3.headNorms()).isTrue();
        assertThat(qwen3.biases()).isEqualTo(Family.Biases.NONE);

        json.addProperty("model_type", "qwen2");
        ModelConfig qwen2 = ModelConfig.parse(json.toString(), null);
        assertThat(qwen2.biases()).isEqualTo(new Family.Biases(true, false, false));
        assertThat(qwen2.windows()).containsExactly(0, 0, 0);
    }

    @Test
    void shouldFindTheWindowsOfQwen() {
        JsonObject json = JsonParser.parseString(VALID).getAsJsonObject();
        json.addProperty("model_type", "qwen2");
        json.addProperty("use_sliding_window", true);
        json.addProperty("sliding_window", 100);
        json.addProperty("max_window_layers", 1);
        assertThat(ModelConfig.parse(json.toString(), null).windows()).containsExactly(0, 100, 100);
        json.add(
                "layer_types",
                JsonParser.parseString(
                        "[\"sliding_attention\",\"full_attention\",\"sliding_attention\"]"));
        assertThat(ModelConfig.parse(json.toString(), null).windows()).containsExactly(100, 0, 100);
        // No sequence outgrows it.
        json.addProperty("sliding_window", TinyCheckpoint.Shape.CONTEXT);
        assertThat(ModelConfig.parse(json.toString(), null).windows()).containsExactly(0, 0, 0);
    }

    @Test
    void shouldServeTheContextThatYarnWasMadeFor() {
        assertThat(contextWith("\"type\":\"yarn\",\"factor\":4.0")).isEqualTo(1024);
        assertThat(
                        contextWith(
                                "\"type\":\"yarn\",\"factor\":4.0,"
                                        + "\"original_max_position_embeddings\":32"))
                .isEqualTo(256);
        assertThat(contextWith("\"type\":\"linear\",\"factor\":4.0")).isEqualTo(256);
        assertThat(contextWith("\"type\":\"dynamic\",\"factor\":4.0")).isEqualTo(256);
    }

    private static int contextWith(String scaling) {
        JsonObject json = JsonParser.parseString(VALID).getAsJsonObject();
        json.add("rope_scaling", JsonParser.parseString("{" + scaling + "}"));
        return ModelConfig.parse(json.toString(), null).contextLength();
    }

    @Test
    void shouldNameTheMissingFile() {
        assertThatThrownBy(() -> ModelConfig.read(Path.of("no-such-model")))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("file=no-such-model/config.json not readable");
    }

    @Property
    void noTextMakesParseThrowAnythingElse(@ForAll String text) {
        try {
            ModelConfig.parse(text, null);
        } catch (ModelLoadException expected) {
            assertThat(expected).hasMessageContaining("file=config.json");
        }
    }
}
