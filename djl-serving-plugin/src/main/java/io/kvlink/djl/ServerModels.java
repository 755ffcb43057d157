// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.repository.zoo.ZooModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * DJL Serving's own list of models. A model that is unregistered while it loads is never closed
 * there, so each of ours looks whether it is still wanted. Read by name: the plugin is compiled
 * without DJL Serving. Thread-safe.
 */
final class ServerModels {

    private static final Logger log = LoggerFactory.getLogger(ServerModels.class);
    private static final String MANAGER = "ai.djl.serving.models.ModelManager";
    private static final String FAILED = "FAILED";
    private static final String INFO = "ai.djl.serving.wlm.ModelInfo";

    private final String manager;
    private final String info;

    ServerModels() {
        this(MANAGER, INFO);
    }

    ServerModels(String manager, String info) {
        this.manager = manager;
        this.info = info;
    }

    /** A model that DJL Serving loads, on the thread that loads it. */
    final class Loading {

        // Models registered without one on that device; several if they can't be told apart.
        private final List<Object> waiting;

        private Loading(List<Object> waiting) {
            this.waiting = waiting;
        }

        /** Model and version; empty if they aren't certain. */
        Optional<ModelVersion> version() {
            return waiting.size() == 1 ? versionOf(waiting.get(0)) : Optional.empty();
        }

        /** True if DJL Serving still has the model, and hasn't given it up. */
        boolean wanted() {
            try {
                // Not by equals: another registration of the name and version is equal.
                Set<Object> all = Collections.newSetFromMap(new IdentityHashMap<>());
                all.addAll(all());
                for (Object known : waiting) {
                    if (all.contains(known) && !hasFailed(known)) {
                        return true;
                    }
                }
                return false;
            } catch (ReflectiveOperationException cause) {
                return unreadable(cause);
            }
        }

        /** True if DJL Serving has taken the loaded model over: it will close it. */
        boolean taken(Model model) {
            try {
                for (Object known : waiting) {
                    for (Object loaded : loaded(known).values()) {
                        if (loaded instanceof ZooModel<?, ?> zoo
                                && zoo.getWrappedModel() == model) {
                            return true;
                        }
                    }
                }
                return false;
            } catch (ReflectiveOperationException cause) {
                return unreadable(cause);
            }
        }
    }

    /**
     * The model that DJL Serving loads on this thread; empty if it is somebody else who loads.
     *
     * @param dir the model's directory
     * @param device what it is loaded on
     */
    Optional<Loading> loading(Path dir, Device device) {
        boolean asked =
                StackWalker.getInstance()
                        .walk(
                                frames ->
                                        frames.anyMatch(
                                                frame -> frame.getClassName().equals(info)));
        if (!asked) {
            return Optional.empty();
        }
        try {
            List<Object> waiting = new ArrayList<>();
            for (Object known : all()) {
                if (!loaded(known).containsKey(device)) {
                    waiting.add(known);
                }
            }
            List<Object> sameDir = waiting.stream().filter(known -> isAt(known, dir)).toList();
            return Optional.of(new Loading(sameDir.isEmpty() ? waiting : sameDir));
        } catch (ReflectiveOperationException cause) {
            unreadable(cause);
            return Optional.empty();
        }
    }

    /** Every registered model, of workflows too. */
    private List<Object> all() throws ReflectiveOperationException {
        Class<?> type = Class.forName(manager);
        Object models = type.getMethod("getInstance").invoke(null);
        List<Object> all = new ArrayList<>();
        for (Object endpoint : call(models, "getEndpoints", Map.class).values()) {
            for (Object workflow : call(endpoint, "getWorkflows", List.class).toArray()) {
                for (Object pool : call(workflow, "getWpcs", Collection.class)) {
                    if (pool.getClass().getName().equals(info)) {
                        all.add(pool);
                    }
                }
            }
        }
        return all;
    }

    private static boolean hasFailed(Object known) throws ReflectiveOperationException {
        return FAILED.equals(String.valueOf(ServerRegistry.call(known, "getStatus")));
    }

    private static Map<?, ?> loaded(Object known) throws ReflectiveOperationException {
        return call(known, "getModels", Map.class);
    }

    private static boolean isAt(Object known, Path dir) {
        try {
            return Files.isSameFile(call(known, "getModelDir", Path.class), dir);
        } catch (ReflectiveOperationException | IOException cause) {
            return false;
        }
    }

    private Optional<ModelVersion> versionOf(Object known) {
        try {
            Object version = ServerRegistry.call(known, "getVersion");
            return Optional.of(
                    new ModelVersion(
                            call(known, "getId", String.class),
                            version == null ? "" : version.toString()));
        } catch (ReflectiveOperationException cause) {
            unreadable(cause);
            return Optional.empty();
        }
    }

    private static <T> T call(@Nullable Object target, String method, Class<T> type)
            throws ReflectiveOperationException {
        Object answer = ServerRegistry.call(target, method);
        if (!type.isInstance(answer)) {
            throw new NoSuchMethodException(method + " gives " + answer);
        }
        return type.cast(answer);
    }

    /** True: better a model that nobody closes than one that serves and is taken away. */
    private boolean unreadable(ReflectiveOperationException cause) {
        log.warn("class={} is not that of DJL Serving 0.36: {}", manager, String.valueOf(cause));
        return true;
    }
}
