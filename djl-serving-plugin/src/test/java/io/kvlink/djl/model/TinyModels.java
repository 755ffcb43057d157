// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tiny checkpoints with a tokenizer, for tests of other packages. */
public final class TinyModels {

    public static final int CONTEXT = TinyCheckpoint.Shape.CONTEXT;
    public static final int VOCABULARY = TinyCheckpoint.Shape.VOCABULARY;
    public static final int LAYERS = 3;

    /** The model that is trained here, with its tokenizer. */
    public static final Path DEMO = Path.of("../samples/model");

    private TinyModels() {}

    /** Writes a model of random weights; the same seed gives the same. */
    public static Path write(Path directory, long seed) {
        TinyCheckpoint.Shape shape = new TinyCheckpoint.Shape(32, 48, LAYERS, 4, 2, 8, false);
        try {
            Files.createDirectories(directory);
            Files.copy(DEMO.resolve("tokenizer.json"), directory.resolve("tokenizer.json"));
            return TinyCheckpoint.random(shape, seed).write(directory, "F32");
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
