// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Options that nobody wrote: DJL gives every engine some, and DJL Serving adds settings for its
 * Python engines to each directory that holds a Hugging Face {@code config.json}.
 */
final class ServerOptions {

    private static final Logger log = LoggerFactory.getLogger(ServerOptions.class);

    private static final Set<String> DJL = Set.of("modelName", "hasParameter");

    private static final Set<String> PYTHON =
            Set.of(
                    "async_mode",
                    "default_accept",
                    "entryPoint",
                    "is_peft_model",
                    "max_num_tokens",
                    "max_rolling_batch_size",
                    "model_id",
                    "model_loading_timeout",
                    "mpi_mode",
                    "pipeline_parallel_degree",
                    "predict_timeout",
                    "rolling_batch",
                    "tensor_parallel_degree");

    private ServerOptions() {}

    /** Takes them out of a model's options; what is left was written for this engine. */
    static void removeFrom(Map<String, String> options) {
        options.keySet().removeAll(DJL);
        Map<String, String> python = new TreeMap<>(options);
        python.keySet().retainAll(PYTHON);
        if (!python.isEmpty()) {
            log.debug("options={} are for DJL Serving's Python engines; no effect here", python);
            options.keySet().removeAll(PYTHON);
        }
    }
}
