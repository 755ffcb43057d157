// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import ai.djl.Device;
import io.kvlink.djl.model.config.ModelConfig;
import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * Model, device and limits that a decoder is opened with.
 *
 * @param directory of the model's files
 * @param model shape, context and type of the model
 * @param device computes and holds the KV
 * @param decoding of the next tokens
 * @param maxRunning most sequences that hold slots at a time
 * @param prefillChunk most tokens of one sequence in one {@link Decoder#prefill}
 * @param kvCacheTokens tokens for which there is KV memory; empty if the decoder chooses
 * @param gpuMemoryUtilization share of a GPU's memory that a decoder takes when it chooses
 */
public record DecoderSpec(
        Path directory,
        ModelConfig model,
        Device device,
        DecodeSettings decoding,
        int maxRunning,
        int prefillChunk,
        OptionalInt kvCacheTokens,
        double gpuMemoryUtilization) {

    /** A small decoder on the CPU, such as tests and tools use. */
    public static DecoderSpec onCpu(
            Path directory, ModelConfig model, DecodeSettings decoding, int kvCacheTokens) {
        return new DecoderSpec(
                directory,
                model,
                Device.cpu(),
                decoding,
                decoding.maxBatch(),
                Math.max(1, kvCacheTokens),
                OptionalInt.of(kvCacheTokens),
                1);
    }
}
