// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.NoopTranslator;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * The part of DJL Serving 0.36 that {@link ServerModels} reads, with the same methods. It has the
 * same gap: a model that is unregistered while it loads stays loaded.
 */
@SuppressWarnings("unused") // Called by name.
final class FakeServer {

    private FakeServer() {}

    /** A reader of this server. */
    static ServerModels models() {
        return new ServerModels(ModelManager.class.getName(), ModelInfo.class.getName());
    }

    /** The list of all that is registered. */
    public static final class ModelManager {

        private static final ModelManager INSTANCE = new ModelManager();

        private final Map<String, Endpoint> endpoints = new ConcurrentHashMap<>();

        public static ModelManager getInstance() {
            return INSTANCE;
        }

        public Map<String, Endpoint> getEndpoints() {
            return endpoints;
        }

        static void register(ModelInfo info) {
            INSTANCE.endpoints
                    .computeIfAbsent(info.id, id -> new Endpoint())
                    .workflows
                    .add(new Workflow(info));
        }

        /** Closes and forgets a model, as a DELETE does. */
        static void unregister(ModelInfo info) {
            Endpoint endpoint = INSTANCE.endpoints.get(info.id);
            endpoint.workflows.removeIf(workflow -> workflow.info.equals(info));
            if (endpoint.workflows.isEmpty()) {
                INSTANCE.endpoints.remove(info.id);
            }
            info.models.values().forEach(Model::close);
        }
    }

    /** All versions of a name. */
    public static final class Endpoint {
        private final List<Workflow> workflows = new CopyOnWriteArrayList<>();

        public List<Workflow> getWorkflows() {
            return workflows;
        }
    }

    /** A registration. */
    public static final class Workflow {
        private final ModelInfo info;

        Workflow(ModelInfo info) {
            this.info = info;
        }

        public Set<Object> getWpcs() {
            return Set.of(info);
        }
    }

    /** A model. */
    public static final class ModelInfo {
        private final String id;
        private final @Nullable String version;
        private final Path dir;
        private volatile boolean failed;
        private final Map<Device, ZooModel<?, ?>> models = new ConcurrentHashMap<>();

        ModelInfo(String id, @Nullable String version, Path dir) {
            this.id = id;
            this.version = version;
            this.dir = dir;
        }

        public String getId() {
            return id;
        }

        public @Nullable String getVersion() {
            return version;
        }

        public Path getModelDir() {
            return dir;
        }

        public Map<Device, ZooModel<?, ?>> getModels() {
            return models;
        }

        public String getStatus() {
            return failed ? "FAILED" : "PENDING";
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof ModelInfo info
                    && id.equals(info.id)
                    && Objects.equals(version, info.version);
        }

        @Override
        public int hashCode() {
            return Objects.hash(id, version);
        }

        /**
         * Loads as DJL Serving does.
         *
         * @param between runs when the model is loaded, before DJL Serving knows of it
         */
        Model load(Engine engine, Runnable between) throws Exception {
            Model model = engine.newModel(id, Device.cpu());
            model.load(dir, null, Map.of());
            try {
                between.run();
            } catch (RuntimeException refused) {
                failed = true;
                throw refused;
            }
            models.put(Device.cpu(), new ZooModel<>(model, new NoopTranslator()));
            return model;
        }
    }
}
