// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import io.kvlink.djl.sampling.SamplingParams;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * Settings that a model's authors recommend for generating: {@code generation_config.json} of a
 * Hugging Face model directory. A key that is absent, or JSON null, is empty here; what stands for
 * it is the caller's choice. Unknown keys are ignored.
 *
 * @param doSample [{@code do_sample}] whether the authors draw tokens; a worker doesn't ask, since
 *     it is the temperature that says so. Absent in the file it is true if the file has a {@code
 *     temperature}, {@code top_p} or {@code top_k}, as authors who leave it out mean them
 * @param temperature [{@code temperature}] 0 to 100
 * @param topP [{@code top_p}] more than 0, at most 1
 * @param topK [{@code top_k}] 0 keeps all
 * @param repetitionPenalty [{@code repetition_penalty}] more than 0, at most 1000; 1 is none
 * @param maxNewTokens [{@code max_new_tokens}] most tokens of an answer, 1 or more
 * @param eosTokens [{@code eos_token_id}] one id or several; {@link ModelConfig#eosTokens} holds
 *     them and those of {@code config.json}
 */
public record GenerationDefaults(
        boolean doSample,
        OptionalDouble temperature,
        OptionalDouble topP,
        OptionalInt topK,
        OptionalDouble repetitionPenalty,
        OptionalInt maxNewTokens,
        List<Integer> eosTokens) {
    static final String FILE = "generation_config.json";

    /** Defaults of a model without the file. */
    public static final GenerationDefaults NONE =
            new GenerationDefaults(
                    false,
                    OptionalDouble.empty(),
                    OptionalDouble.empty(),
                    OptionalInt.empty(),
                    OptionalDouble.empty(),
                    OptionalInt.empty(),
                    List.of());

    private static final int MAX_TOKEN = Integer.MAX_VALUE;

    /** Copies the list. */
    public GenerationDefaults {
        eosTokens = List.copyOf(eosTokens);
    }

    /**
     * Reads the file of a model directory; {@link #NONE} if there is none.
     *
     * @throws ModelLoadException if it is malformed, or a value is none that can be meant
     */
    public static GenerationDefaults read(Path modelDirectory) {
        Path file = modelDirectory.resolve(FILE);
        return Files.exists(file) ? parse(JsonFields.text(file), MAX_TOKEN) : NONE;
    }

    static GenerationDefaults parse(String json, int vocabSize) {
        JsonFields fields = JsonFields.parse(FILE, json);
        boolean sampling = List.of("temperature", "top_p", "top_k").stream().anyMatch(fields::has);
        return new GenerationDefaults(
                fields.flag("do_sample", sampling),
                fields.number("temperature", 0, SamplingParams.MAX_TEMPERATURE),
                fields.number("top_p", Double.MIN_VALUE, 1),
                topK(fields),
                fields.number(
                        "repetition_penalty", Double.MIN_VALUE, SamplingParams.MAX_REPETITION),
                fields.has("max_new_tokens")
                        ? OptionalInt.of(fields.count("max_new_tokens", Integer.MAX_VALUE))
                        : OptionalInt.empty(),
                fields.ids("eos_token_id", vocabSize));
    }

    private static OptionalInt topK(JsonFields fields) {
        JsonElement value = fields.find("top_k");
        if (value == null) {
            return OptionalInt.empty();
        }
        boolean all = value instanceof JsonPrimitive number && number.getAsString().matches("-1|0");
        return OptionalInt.of(all ? 0 : fields.count("top_k", Integer.MAX_VALUE));
    }
}
