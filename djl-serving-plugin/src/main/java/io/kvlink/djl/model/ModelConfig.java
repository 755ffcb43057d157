// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/**
 * The shape of a Llama-family model, as {@code config.json} and {@code generation_config.json} of a
 * Hugging Face model directory give it.
 *
 * @param contextLength most positions of a sequence ({@code max_position_embeddings})
 * @param bosToken begins a sequence; the tokenizer adds it if its post-processor says so
 * @param eosTokens any of them ends a generation; may be empty
 * @param diskType of the weights in the file, such as {@code float16}; they are computed in float32
 */
public record ModelConfig(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int contextLength,
        double ropeTheta,
        double rmsNormEps,
        boolean tiedEmbeddings,
        OptionalInt bosToken,
        List<Integer> eosTokens,
        String diskType) {
    /**
     * Reads {@code config.json} and, if it is there, {@code generation_config.json}.
     *
     * @throws ModelLoadException if a file is missing, malformed or asks for something unsupported
     */
    public static ModelConfig read(Path modelDirectory) {
        throw new UnsupportedOperationException("being written " + modelDirectory);
    }

    /** Whether this token ends a generation. */
    public boolean isEos(int token) {
        return eosTokens.contains(token);
    }
}
