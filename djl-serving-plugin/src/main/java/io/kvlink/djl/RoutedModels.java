// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.djl.ServerRegistry.Entry;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.http.ModelDirectory;
import io.kvlink.djl.http.OpenAiSurface;
import io.kvlink.djl.http.parse.ModelField;
import io.kvlink.spi.HostPort;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import java.lang.ref.WeakReference;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * KvLink's models among those of the server: says which requests are for them. A request is decided
 * once, though hosts ask several times. Thread-safe.
 */
final class RoutedModels implements ModelDirectory {

    // The event loop's latest request.
    private static final ThreadLocal<Decided> LATEST = new ThreadLocal<>();

    private final Workers workers;
    private final ServerRegistry registry;

    /**
     * Verdict on a request.
     *
     * @param by who decided
     * @param request the one decided
     * @param models those that it may ask; empty if it isn't for KvLink
     */
    private record Decided(
            WeakReference<RoutedModels> by,
            WeakReference<HttpRequest> request,
            Optional<ModelDirectory> models) {

        boolean isOf(RoutedModels directory, HttpRequest asked) {
            return by.refersTo(directory) && request.refersTo(asked);
        }
    }

    RoutedModels(Workers workers, ServerRegistry registry) {
        this.workers = workers;
        this.registry = registry;
    }

    /** True if a request of a path of ours is for one of our models, or for nobody's. */
    boolean isOurs(HttpRequest request) {
        return decided(request).models.isPresent();
    }

    /** Directory of these models for a port where nothing but KvLink answers. */
    ModelDirectory alone() {
        RoutedModels all = this;
        return new ModelDirectory() {
            @Override
            public List<TextGenerator> models() {
                return all.models();
            }

            @Override
            public Optional<TextGenerator> named(String name) {
                return all.named(name);
            }

            @Override
            public Optional<TextGenerator> at(HostPort kvAddress) {
                return all.at(kvAddress);
            }

            @Override
            public ModelDirectory of(HttpRequest request) {
                return all.of(request);
            }

            @Override
            public boolean isLoading(String name) {
                return all.isLoading(name);
            }
        };
    }

    @Override
    public List<TextGenerator> models() {
        return workers.models();
    }

    /** Finds a model by {@code option.model_name}, or else by DJL Serving's own name. */
    @Override
    public Optional<TextGenerator> named(String name) {
        return workers.named(name)
                .or(() -> entry(name, Entry::isOurs).flatMap(this::worker))
                // One that drains has no entry any more.
                .or(() -> workers.model(name));
    }

    @Override
    public Optional<TextGenerator> at(HostPort kvAddress) {
        return workers.at(kvAddress);
    }

    @Override
    public ModelDirectory of(HttpRequest request) {
        return decided(request).models.orElse(this);
    }

    @Override
    public boolean isLoading(String name) {
        return entry(name, entry -> entry.isOurs() && entry.isLoading()).isPresent();
    }

    @Override
    public List<OtherModel> others() {
        Map<String, OtherModel> others = new LinkedHashMap<>();
        for (Entry entry : registry.entries()) {
            if (!entry.isOurs() && entry.isReady()) {
                others.putIfAbsent(entry.name(), new OtherModel(entry.name(), entry.engine()));
            }
        }
        return List.copyOf(others.values());
    }

    private Decided decided(HttpRequest request) {
        Decided before = LATEST.get();
        if (before != null && before.isOf(this, request)) {
            return before;
        }
        Decided decided =
                new Decided(
                        new WeakReference<>(this), new WeakReference<>(request), decide(request));
        LATEST.set(decided);
        return decided;
    }

    private Optional<ModelDirectory> decide(HttpRequest request) {
        if (!OpenAiSurface.generates(request.uri())) {
            return Optional.of(this);
        }
        ModelAddress address = ModelAddress.of(request);
        if (address.model().isPresent()) {
            return addressed(address.model().get(), address.version());
        }
        // A browser asks before it sends a body, whatever model that will name.
        if (registry.entries().stream().allMatch(Entry::isOurs)
                || request.method().equals(HttpMethod.OPTIONS)) {
            return Optional.of(this);
        }
        Optional<String> name =
                request instanceof FullHttpRequest full
                        ? ModelField.find(full.content())
                        : Optional.empty();
        return name.isPresent() ? inBody(name.get(), request) : unnamed(request);
    }

    /** DJL Serving's own way to name a model: its own names come first. */
    private Optional<ModelDirectory> addressed(String name, Optional<String> version) {
        Predicate<Entry> asked =
                entry -> version.isEmpty() || entry.version().equals(version.get());
        if (entry(name, asked.and(entry -> !entry.isOurs())).isPresent()) {
            return Optional.empty();
        }
        Optional<Entry> ours = entry(name, asked);
        if (ours.isPresent()) {
            Optional<TextGenerator> newest =
                    version.isEmpty() ? workers.model(name) : Optional.empty();
            return Optional.of(
                    newest.or(() -> worker(ours.get()))
                            .map(this::only)
                            .orElseGet(() -> asking(name)));
        }
        if (entry(name, entry -> true).isPresent()) {
            // A version that isn't there. Of another engine's model the server says so.
            return entry(name, Entry::isOurs).map(known -> asking(name + '/' + version.get()));
        }
        return Optional.of(named(name).map(this::only).orElseGet(() -> asking(name)));
    }

    /** OpenAI's way to name a model, which DJL Serving doesn't read. */
    private Optional<ModelDirectory> inBody(String name, HttpRequest request) {
        if (named(name).isPresent() || entry(name, Entry::isOurs).isPresent()) {
            return Optional.of(this);
        }
        if (entry(name, entry -> true).isEmpty()) {
            return Optional.of(this);
        }
        // Else the server would ask the model that it was started with, whatever its name.
        request.headers().set(ModelAddress.MODEL, name);
        return Optional.empty();
    }

    /**
     * Models of a request that names none, chosen as DJL Serving does if the path is one of its
     * own.
     */
    private Optional<ModelDirectory> unnamed(HttpRequest request) {
        Optional<TextGenerator> startup =
                registry.singleStartup()
                        .flatMap(name -> entry(name, Entry::isOurs))
                        .flatMap(this::worker);
        if (startup.isPresent()) {
            return Optional.of(only(startup.get()));
        }
        return OpenAiSurface.isChat(request.uri()) ? Optional.empty() : Optional.of(this);
    }

    private Optional<Entry> entry(String name, Predicate<Entry> condition) {
        return registry.entries().stream()
                .filter(entry -> entry.name().equals(name))
                .filter(condition)
                .findFirst();
    }

    private Optional<TextGenerator> worker(Entry entry) {
        return workers.version(new ModelVersion(entry.name(), entry.version()))
                .or(
                        () ->
                                entry.workers().stream()
                                        .flatMap(name -> workers.named(name).stream())
                                        .findFirst());
    }

    private ModelDirectory only(TextGenerator model) {
        RoutedModels all = this;
        return new ModelDirectory() {
            @Override
            public List<TextGenerator> models() {
                return List.of(model);
            }

            @Override
            public Optional<TextGenerator> named(String name) {
                return all.named(name).filter(model::equals);
            }

            @Override
            public Optional<TextGenerator> at(HostPort kvAddress) {
                return all.at(kvAddress)
                        .filter(version -> version.modelName().equals(model.modelName()));
            }
        };
    }

    private ModelDirectory asking(String asked) {
        RoutedModels all = this;
        return new ModelDirectory() {
            @Override
            public List<TextGenerator> models() {
                return all.models();
            }

            @Override
            public String asked() {
                return asked;
            }

            @Override
            public boolean isLoading(String name) {
                return all.isLoading(name);
            }
        };
    }
}
