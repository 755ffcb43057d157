// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.djl.worker.TextGenerator;
import java.nio.file.Path;
import java.util.Map;

/** Starts the worker for models of the Llama family. */
final class LlamaWorkers {

    private LlamaWorkers() {}

    /** A {@link WorkerFactory}. */
    static TextGenerator start(Path modelDir, String name, Map<String, String> options) {
        throw new IllegalStateException(
                "model_dir=%s model_name=%s options=%s; this build has no worker"
                        .formatted(modelDir, name, options.keySet()));
    }
}
