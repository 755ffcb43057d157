// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.kvlink.djl.model.weights.Safetensors;
import io.kvlink.djl.model.weights.SafetensorsHeader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Weights of a checkpoint of one file, for {@link ReferenceLlama}. */
public final class CheckpointWeights {
    private CheckpointWeights() {}

    /** All tensors of {@code model.safetensors}, by name. */
    public static Map<String, float[]> read(Path folder) {
        Path path = folder.resolve("model.safetensors");
        ByteBuffer bytes = bytes(path).order(LITTLE_ENDIAN);
        byte[] header = new byte[Math.toIntExact(bytes.getLong())];
        bytes.get(header);
        SafetensorsHeader parsed =
                SafetensorsHeader.parse("header", new String(header, UTF_8), bytes.remaining());
        Map<String, float[]> weights = new HashMap<>();
        try (Safetensors file = Safetensors.open(path)) {
            parsed.entries()
                    .forEach(
                            (name, entry) -> {
                                long[] shape =
                                        entry.shape().stream().mapToLong(Long::longValue).toArray();
                                long size = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
                                FloatBuffer values = FloatBuffer.allocate((int) size);
                                file.read(name, values, shape);
                                weights.put(name, values.array());
                            });
        }
        return weights;
    }

    private static ByteBuffer bytes(Path path) {
        try {
            return ByteBuffer.wrap(Files.readAllBytes(path));
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
