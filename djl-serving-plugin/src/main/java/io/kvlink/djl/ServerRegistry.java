// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.Model;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Names that DJL Serving answers to, and the engines behind them. Read by name: the plugin is
 * compiled without DJL Serving, and the embedded host has none. Thread-safe.
 */
final class ServerRegistry {

    private static final Logger log = LoggerFactory.getLogger(ServerRegistry.class);
    private static final String SERVER_CLASS = "ai.djl.serving.models.ModelManager";
    private static final String PENDING = "PENDING";
    private static final String READY = "READY";

    private final String className;
    private boolean warned;

    ServerRegistry() {
        this(SERVER_CLASS);
    }

    ServerRegistry(String className) {
        this.className = className;
    }

    /**
     * A version of a name.
     *
     * @param name as DJL Serving calls it
     * @param version empty if it has none
     * @param engine its engine; empty while that isn't known, and for a workflow of several models
     * @param workers names of KvLink's loaded models behind it
     * @param status {@value #READY}, {@value #PENDING} while it is being loaded, or another
     */
    record Entry(String name, String version, String engine, Set<String> workers, String status) {

        /**
         * True if KvLink answers for the model. While nobody knows its engine this is true too: all
         * that can be said then is that it is being loaded.
         */
        boolean isOurs() {
            return engine.equals(KvLinkEngine.NAME) || (engine.isEmpty() && isLoading());
        }

        boolean isLoading() {
            return status.equals(PENDING);
        }

        boolean isReady() {
            return status.equals(READY);
        }
    }

    /** Every version of every name; none without DJL Serving. */
    List<Entry> entries() {
        List<Entry> entries = new ArrayList<>();
        try {
            Object manager = manager();
            if (manager != null) {
                for (Map.Entry<?, ?> endpoint : map(call(manager, "getEndpoints")).entrySet()) {
                    addVersions(String.valueOf(endpoint.getKey()), endpoint.getValue(), entries);
                }
            }
        } catch (ReflectiveOperationException cause) {
            warn(cause);
        }
        return entries;
    }

    /** The one model that DJL Serving was started with; empty if there are none or several. */
    Optional<String> singleStartup() {
        try {
            Object manager = manager();
            if (manager != null
                    && call(manager, "getSingleStartupWorkflow") instanceof Optional<?> name) {
                return name.map(String::valueOf);
            }
        } catch (ReflectiveOperationException cause) {
            warn(cause);
        }
        return Optional.empty();
    }

    private @Nullable Object manager() throws ReflectiveOperationException {
        try {
            return Class.forName(className).getMethod("getInstance").invoke(null);
        } catch (ClassNotFoundException notDjlServing) {
            return null;
        }
    }

    private static void addVersions(String name, @Nullable Object endpoint, List<Entry> entries)
            throws ReflectiveOperationException {
        for (Object workflow : copy(call(endpoint, "getWorkflows"))) {
            List<Object> models = copy(call(workflow, "getWpcs"));
            Object version = call(workflow, "getVersion");
            entries.add(
                    new Entry(
                            name,
                            version == null ? "" : version.toString(),
                            models.size() == 1 ? engine(models.get(0)) : "",
                            workers(models),
                            status(models)));
        }
    }

    private static String engine(Object model) {
        try {
            Object engine = call(model, "getEngineName");
            return engine == null ? "" : engine.toString();
        } catch (ReflectiveOperationException noModel) {
            return "";
        }
    }

    private static Set<String> workers(List<Object> models) {
        Set<String> names = new HashSet<>();
        for (Object model : models) {
            for (Object loaded : loaded(model)) {
                if (loaded instanceof Model known
                        && known.getProperty(KvLinkModel.NAME_PROPERTY) != null) {
                    names.add(known.getProperty(KvLinkModel.NAME_PROPERTY));
                }
            }
        }
        return names;
    }

    private static Collection<?> loaded(Object model) {
        try {
            return map(call(model, "getModels")).values();
        } catch (ReflectiveOperationException noModel) {
            // A function of a workflow, say.
            return List.of();
        }
    }

    /** Status of several models: that of the first that isn't ready. */
    private static String status(List<Object> models) {
        return models.stream()
                .map(ServerRegistry::status)
                .filter(status -> !status.equals(READY))
                .findFirst()
                .orElse(READY);
    }

    private static String status(Object model) {
        try {
            return String.valueOf(call(model, "getStatus"));
        } catch (ReflectiveOperationException noModel) {
            return READY;
        }
    }

    /** Result of a method without parameters. */
    static @Nullable Object call(@Nullable Object target, String method)
            throws ReflectiveOperationException {
        if (target == null) {
            throw new NoSuchMethodException(method + " of nothing");
        }
        try {
            return target.getClass().getMethod(method).invoke(target);
        } catch (InvocationTargetException cause) {
            throw new NoSuchMethodException(method + ": " + cause.getCause());
        }
    }

    private static Map<?, ?> map(@Nullable Object value) {
        return value instanceof Map<?, ?> map ? map : Map.of();
    }

    private static List<Object> copy(@Nullable Object value) {
        // DJL Serving changes it meanwhile.
        return value instanceof Collection<?> values
                ? new ArrayList<>(List.of(values.toArray()))
                : List.of();
    }

    private synchronized void warn(ReflectiveOperationException cause) {
        if (!warned) {
            warned = true;
            log.warn("class={} is not that of DJL Serving 0.36: {}", className, cause.toString());
        }
    }
}
