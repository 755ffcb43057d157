// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.Model;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Class of the shape of DJL Serving's {@code ModelManager}. */
public final class FakeModelManager {

    static final FakeModelManager INSTANCE = new FakeModelManager();

    private final Map<String, Endpoint> endpoints = new LinkedHashMap<>();
    private Optional<String> startup = Optional.empty();

    private FakeModelManager() {}

    public static FakeModelManager getInstance() {
        return INSTANCE;
    }

    public Map<String, Endpoint> getEndpoints() {
        return endpoints;
    }

    public Optional<String> getSingleStartupWorkflow() {
        return startup;
    }

    static void clear() {
        INSTANCE.endpoints.clear();
        INSTANCE.startup = Optional.empty();
    }

    static void startedWith(String name) {
        INSTANCE.startup = Optional.of(name);
    }

    /** Registers a version, with what KvLink calls it once it is loaded. */
    static void register(
            String name, @Nullable String version, String engine, @Nullable String worker) {
        INSTANCE.endpoints
                .computeIfAbsent(name, key -> new Endpoint(new ArrayList<>()))
                .workflows
                .add(new Workflow(version, Set.of(new Info(engine, worker))));
    }

    static void unregister(String name) {
        INSTANCE.endpoints.remove(name);
    }

    /** Endpoint like DJL Serving's. */
    public record Endpoint(List<Workflow> workflows) {
        public List<Workflow> getWorkflows() {
            return workflows;
        }
    }

    /** Workflow like DJL Serving's. */
    public record Workflow(@Nullable String version, Set<Info> models) {
        public @Nullable String getVersion() {
            return version;
        }

        public Set<Info> getWpcs() {
            return models;
        }
    }

    /** Model information like DJL Serving's {@code ModelInfo}. */
    public record Info(String engine, @Nullable String worker) {
        public @Nullable String getEngineName() {
            return engine.isEmpty() ? null : engine;
        }

        public String getStatus() {
            if (engine.equals("broken")) {
                return "FAILED";
            }
            boolean loading = worker == null && (engine.isEmpty() || engine.equals("KvLink"));
            return loading ? "PENDING" : "READY";
        }

        public Map<String, Model> getModels() {
            if (worker == null || !engine.equals("KvLink")) {
                return Map.of();
            }
            InvocationHandler properties =
                    (proxy, method, arguments) ->
                            method.getName().equals("getProperty") ? worker : null;
            return Map.of(
                    "cpu",
                    (Model)
                            Proxy.newProxyInstance(
                                    Model.class.getClassLoader(),
                                    new Class<?>[] {Model.class},
                                    properties));
        }
    }
}
