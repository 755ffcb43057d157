// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import ai.djl.Device;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * Decoders of one kind on one device, for tests that all kinds have to pass.
 *
 * @param device that decoders compute on
 * @param factory opens them
 */
public record Decoders(Device device, DecoderFactory factory) {
    /** Number of tokens for all chunks that tests prefill in one call. */
    public static final int PREFILL = 2048;

    /** Spec that {@link #open} opens. */
    public DecoderSpec spec(
            Path directory, ModelConfig model, DecodeSettings decoding, int kvTokens) {
        return new DecoderSpec(
                directory,
                model,
                device,
                decoding,
                2 * decoding.maxBatch() + 2,
                PREFILL,
                OptionalInt.of(kvTokens),
                .9);
    }

    /** Opens a decoder of a model directory; closed by the caller. */
    public Decoder open(Path directory, ModelConfig model, DecodeSettings decoding, int kvTokens) {
        return factory.open(spec(directory, model, decoding, kvTokens));
    }

    /** Opens a float32 decoder of a checkpoint, after writing it; closed by the caller. */
    public Decoder open(
            TinyCheckpoint checkpoint, Path directory, DecodeSettings decoding, int kvTokens) {
        return open(checkpoint, directory, ComputeType.FLOAT32, decoding, kvTokens);
    }

    /** Opens a decoder of a checkpoint, after writing it; closed by the caller. */
    public Decoder open(
            TinyCheckpoint checkpoint,
            Path directory,
            ComputeType type,
            DecodeSettings decoding,
            int kvTokens) {
        try {
            checkpoint.write(Files.createDirectories(directory), "BF16");
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
        return open(directory, ModelConfig.read(directory).computedIn(type), decoding, kvTokens);
    }
}
