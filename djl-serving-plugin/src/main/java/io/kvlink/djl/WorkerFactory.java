// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.djl.generation.TextGenerator;
import java.nio.file.Path;
import java.util.Map;

/** Starts the worker of one model. */
@FunctionalInterface
interface WorkerFactory {

    /**
     * Starts a worker; takes as long as loading the model takes.
     *
     * @param modelDir as Hugging Face lays it out
     * @param name what clients ask for
     * @param options what serving.properties says after {@code option.}, but for what {@link
     *     KvLinkModel} reads itself
     * @return running; closed by the caller
     * @throws RuntimeException if it can't be started, saying why in a way an operator understands
     */
    TextGenerator start(Path modelDir, String name, Map<String, String> options);
}
