// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineProvider;
import io.kvlink.djl.options.ModelOptions;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.TextGenerator;
import io.kvlink.djl.worker.WorkerConfig;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** Offers the engine to DJL: {@code engine=KvLink}. */
public final class KvLinkEngineProvider implements EngineProvider {

    /** Made when the first model asks for a connector. */
    private static final class Connectors {
        static final ClassLoader LOADER =
                ConnectorLoader.over(KvLinkEngineProvider.class.getClassLoader());
    }

    private final KvLinkEngine engine;

    /** For DJL. Starts nothing. */
    public KvLinkEngineProvider() {
        this(
                KvLinkEngineProvider::startLlama,
                Workers.SHARED,
                new ModelOptions(System.getenv(), new ServerConfig().isServer()));
    }

    KvLinkEngineProvider(WorkerFactory factory, Workers workers, ModelOptions options) {
        engine = new KvLinkEngine(factory, workers, options);
    }

    /** {@inheritDoc} */
    @Override
    public String getEngineName() {
        return KvLinkEngine.NAME;
    }

    /** Behind PyTorch, so that KvLink never becomes DJL's default engine by being installed. */
    @Override
    public int getEngineRank() {
        return KvLinkEngine.RANK;
    }

    /** {@inheritDoc} */
    @Override
    public Engine getEngine() {
        return engine;
    }

    /** Connectors are looked for where this plugin's classes come from: in the plugin folder. */
    private static TextGenerator startLlama(
            Path modelDir, String name, Map<String, String> options) {
        Map<String, String> settings = new TreeMap<>(options);
        settings.put("model_name", name);
        return LlamaWorker.start(WorkerConfig.of(modelDir, settings), Connectors.LOADER);
    }
}
