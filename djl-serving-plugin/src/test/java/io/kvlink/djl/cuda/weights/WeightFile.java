// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A checkpoint of vectors with given bytes, written as one safetensors file or as one a vector. */
final class WeightFile {

    @SuppressWarnings("ArrayRecordComponent") // Passed on, never compared.
    private record Vector(String type, byte[] bytes) {
        long elements() {
            return bytes.length / (type.equals("F32") ? 4 : 2);
        }
    }

    private final Map<String, Vector> vectors = new LinkedHashMap<>();

    WeightFile with(String name, String type, byte[] bytes) {
        vectors.put(name, new Vector(type, bytes));
        return this;
    }

    Path write(Path directory) throws IOException {
        write(directory.resolve("model.safetensors"), vectors);
        return directory;
    }

    Path writeShards(Path directory) throws IOException {
        List<String> places = new ArrayList<>();
        for (Map.Entry<String, Vector> vector : vectors.entrySet()) {
            String file = vector.getKey() + ".safetensors";
            write(directory.resolve(file), Map.of(vector.getKey(), vector.getValue()));
            places.add("\"%s\":\"%s\"".formatted(vector.getKey(), file));
        }
        Files.writeString(
                directory.resolve("model.safetensors.index.json"),
                "{\"weight_map\":{%s}}".formatted(String.join(",", places)));
        return directory;
    }

    private static void write(Path file, Map<String, Vector> vectors) throws IOException {
        List<String> entries = new ArrayList<>();
        long end = 0;
        for (Map.Entry<String, Vector> vector : vectors.entrySet()) {
            long begin = end;
            end += vector.getValue().bytes().length;
            entries.add(
                    "\"%s\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[%d,%d]}"
                            .formatted(
                                    vector.getKey(),
                                    vector.getValue().type(),
                                    vector.getValue().elements(),
                                    begin,
                                    end));
        }
        byte[] header =
                "{%s}".formatted(String.join(",", entries)).getBytes(StandardCharsets.UTF_8);
        try (OutputStream out = Files.newOutputStream(file)) {
            ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            out.write(length.putLong(header.length).array());
            out.write(header);
            for (Vector vector : vectors.values()) {
                out.write(vector.bytes());
            }
        }
    }
}
