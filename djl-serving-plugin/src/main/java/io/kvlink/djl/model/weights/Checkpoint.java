// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.weights;

import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import io.kvlink.djl.model.config.JsonFields;
import io.kvlink.djl.model.config.ModelLoadException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The tensors of a model directory: those of {@code model.safetensors}, or, if there is none, of
 * the shards that {@code model.safetensors.index.json} names. Every shard's header is read and
 * checked when this is opened; tensors are mapped into memory when they are read. One thread;
 * whoever opened it closes it.
 */
public final class Checkpoint implements AutoCloseable {
    private static final String INDEX = "model.safetensors.index.json";
    private static final String WEIGHT_MAP = "weight_map";
    private static final int MAX_NAMED = 5;

    // A name in the same directory, on any system.
    private static final Pattern SHARD = Pattern.compile("[\\w-][\\w.-]*\\.safetensors");

    private final Path source;
    private final List<Safetensors> shards;
    private final Map<String, Safetensors> byTensor;

    private Checkpoint(Path source, List<Safetensors> shards, Map<String, Safetensors> byTensor) {
        this.source = source;
        this.shards = shards;
        this.byTensor = byTensor;
    }

    /**
     * Opens all files of a directory's weights.
     *
     * @throws ModelLoadException if one is missing or malformed, or doesn't hold what the index
     *     says
     */
    public static Checkpoint open(Path directory) {
        Path single = directory.resolve(Safetensors.FILE);
        Path index = directory.resolve(INDEX);
        List<Safetensors> shards = new ArrayList<>();
        Map<String, Safetensors> byTensor = new HashMap<>();
        try {
            if (Files.exists(single) || !Files.exists(index)) {
                Safetensors file = opened(single, shards);
                file.names().forEach(name -> byTensor.put(name, file));
                return new Checkpoint(single, shards, byTensor);
            }
            Map<String, String> shardOf = shardOfTensor(index);
            requireFiles(directory, index, new TreeSet<>(shardOf.values()));
            Map<String, Safetensors> byShard = new HashMap<>();
            for (String shard : new TreeSet<>(shardOf.values())) {
                byShard.put(shard, opened(directory.resolve(shard), shards));
            }
            shardOf.forEach(
                    (name, shard) -> byTensor.put(name, holding(byShard, shard, name, index)));
            return new Checkpoint(index, shards, byTensor);
        } catch (RuntimeException | Error cause) {
            closeAll(shards);
            throw cause;
        }
    }

    /**
     * The files of a directory that hold weights, in the order of their names; they need not exist.
     *
     * @throws ModelLoadException if there is an index that can't be followed
     */
    public static List<Path> files(Path directory) {
        Path single = directory.resolve(Safetensors.FILE);
        Path index = directory.resolve(INDEX);
        if (Files.exists(single) || !Files.exists(index)) {
            return List.of(single);
        }
        return new TreeSet<>(shardOfTensor(index).values())
                .stream().map(directory::resolve).toList();
    }

    /** Fills {@code to} with the tensor's elements from {@code first} onward, as float32. */
    public void read(String name, long first, FloatBuffer to, long... shape) {
        file(name).read(name, first, to, shape);
    }

    /**
     * The tensor's bytes, in its own type; any thread may read them while this is open.
     *
     * @param shape that the tensor must have
     * @throws ModelLoadException if there is no such tensor, or if its shape or type isn't served
     */
    public TensorBytes bytes(String name, long... shape) {
        return file(name).bytes(name, shape);
    }

    /** Bytes of all tensors in all files. */
    public long totalBytes() {
        return shards.stream().mapToLong(Safetensors::totalBytes).sum();
    }

    /** Closes every file; closing again does nothing. */
    @Override
    public void close() {
        closeAll(shards);
    }

    private Safetensors file(String tensor) {
        Safetensors file = byTensor.get(tensor);
        if (file == null) {
            throw new ModelLoadException(
                    "file=%s tensor=%s missing; it names %d tensors"
                            .formatted(source, tensor, byTensor.size()));
        }
        return file;
    }

    private static void closeAll(List<Safetensors> files) {
        files.forEach(Safetensors::close);
    }

    private static Safetensors opened(Path file, List<Safetensors> open) {
        Safetensors opened = Safetensors.open(file);
        open.add(opened);
        return opened;
    }

    private static Map<String, String> shardOfTensor(Path index) {
        JsonFields weights = JsonFields.parse(index.toString(), JsonFields.text(index));
        JsonFields map = weights.object(WEIGHT_MAP);
        Map<String, String> shardOf = new HashMap<>();
        for (Map.Entry<String, JsonElement> entry : map.json().entrySet()) {
            if (!(entry.getValue() instanceof JsonPrimitive shard)
                    || !SHARD.matcher(shard.getAsString()).matches()) {
                throw map.unexpected(
                        entry.getKey(), "the name of a .safetensors file in the same directory");
            }
            shardOf.put(entry.getKey(), shard.getAsString());
        }
        return shardOf;
    }

    private static void requireFiles(Path directory, Path index, Set<String> shards) {
        List<String> missing =
                shards.stream()
                        .filter(shard -> !Files.isRegularFile(directory.resolve(shard)))
                        .toList();
        if (!missing.isEmpty()) {
            throw new ModelLoadException(
                    "file=%s missing=%s; %d of its %d shards aren't there: is the download complete?"
                            .formatted(
                                    index,
                                    missing.subList(0, Math.min(MAX_NAMED, missing.size())),
                                    missing.size(),
                                    shards.size()));
        }
    }

    private static Safetensors holding(
            Map<String, Safetensors> byShard, String shard, String name, Path index) {
        Safetensors file = byShard.get(shard);
        if (file == null || !file.names().contains(name)) {
            throw new ModelLoadException(
                    "file=%s tensor=%s missing in shard=%s, where the index says it is"
                            .formatted(index, name, shard));
        }
        return file;
    }
}
