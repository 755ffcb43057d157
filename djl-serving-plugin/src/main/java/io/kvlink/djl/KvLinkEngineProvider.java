// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineProvider;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.options.ModelOptions;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.HostPort;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Offers the engine to DJL: {@code engine=KvLink}. */
public final class KvLinkEngineProvider implements EngineProvider {

    /** Made when the first model asks for a connector. */
    private static final class Connectors {
        static final ClassLoader LOADER =
                ConnectorLoader.over(KvLinkEngineProvider.class.getClassLoader());
    }

    private static final Logger log = LoggerFactory.getLogger(KvLinkEngineProvider.class);

    private final KvLinkEngine engine;

    /** Makes the provider for DJL. Starts nothing. */
    public KvLinkEngineProvider() {
        this(
                (dir, name, options) -> startLlama(dir, name, options, Workers.SHARED),
                Workers.SHARED,
                new ModelOptions(System.getenv(), new ServerConfig().isServer()));
    }

    KvLinkEngineProvider(WorkerFactory factory, Workers workers, ModelOptions options) {
        engine = new KvLinkEngine(factory, workers, options, new ServerModels());
    }

    /** {@inheritDoc} */
    @Override
    public String getEngineName() {
        return KvLinkEngine.NAME;
    }

    /**
     * Rank behind PyTorch, so that KvLink never becomes DJL's default engine by being installed.
     */
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
            Path modelDir, String name, Map<String, String> options, Workers workers) {
        Map<String, String> settings = new TreeMap<>(options);
        settings.put("model_name", name);
        WorkerConfig config = WorkerConfig.of(modelDir, settings);
        return LlamaWorker.start(onItsOwnPort(config, workers), Connectors.LOADER);
    }

    /** Models of one server may share a configuration, and so may versions; not a port. */
    static WorkerConfig onItsOwnPort(WorkerConfig config, Workers workers) {
        Optional<HostPort> taken =
                config.transfer()
                        .filter(transfer -> transfer.port() != 0)
                        .map(transfer -> new HostPort(transfer.host(), transfer.port()))
                        .filter(workers::has);
        if (taken.isEmpty()) {
            return config;
        }
        log.info(
                "model={} kv_port={} is another model's of this process; a free one is taken",
                config.modelName(),
                taken.get().port());
        return config.withKvPort(0);
    }
}
