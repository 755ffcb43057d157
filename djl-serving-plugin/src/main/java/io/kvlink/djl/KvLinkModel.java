// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.BaseModel;
import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDManager;
import ai.djl.translate.Translator;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.http.BlockingCompletions;
import io.kvlink.djl.http.ModelDirectory;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.options.ModelOptions;
import io.kvlink.spi.HostPort;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A model directory as DJL loads it: {@link #load} starts a worker, {@link #close} ends it. Loaded
 * by one thread, closed by any; predictors may be used by many.
 */
public final class KvLinkModel extends BaseModel {

    /** A property of the loaded model: the name that clients ask for. */
    public static final String NAME_PROPERTY = "kvlink.model_name";

    /** A property of the loaded model: where peers reach its connector; absent without one. */
    public static final String KV_ADDRESS_PROPERTY = "kvlink.kv_address";

    private static final String NAME_OPTION = "model_name";
    private static final String DIR_OPTION = "model_dir";
    private static final String DEVICE_OPTION = "device";
    private static final String TIMEOUT_OPTION = "predict_timeout_s";
    private static final long DEFAULT_TIMEOUT_S = 600;

    private static final long LOOK_MS = 50;

    private final WorkerFactory factory;
    private final Workers workers;
    private final ModelOptions options;
    private final ServerModels server;

    private Duration predictLimit = Duration.ofSeconds(DEFAULT_TIMEOUT_S);
    private volatile @Nullable TextGenerator worker;
    private Optional<ServerModels.Loading> loading = Optional.empty();

    KvLinkModel(
            String name,
            NDManager manager,
            WorkerFactory factory,
            Workers workers,
            ModelOptions options,
            ServerModels server) {
        super(name);
        this.manager = manager;
        this.factory = factory;
        this.workers = workers;
        this.options = options;
        this.server = server;
    }

    /**
     * Starts the worker.
     *
     * @param modelPath the model's directory, or a file in it
     * @param prefix not used
     * @param options what serving.properties says after {@code option.}
     * @throws MalformedModelException if the worker doesn't start, with the reason and without a
     *     cause
     */
    @Override
    public void load(Path modelPath, @Nullable String prefix, @Nullable Map<String, ?> options)
            throws MalformedModelException {
        if (worker != null) {
            throw new IllegalStateException("loaded twice: " + modelDir);
        }
        try {
            open(directory(modelPath), options == null ? Map.of() : options);
        } catch (RuntimeException | LinkageError | VirtualMachineError cause) {
            throw LoadFailure.report(modelName, modelPath, cause);
        }
    }

    private void open(Path here, Map<String, ?> given) {
        Map<String, String> texts = new TreeMap<>();
        given.forEach((key, value) -> texts.put(key, String.valueOf(value)));
        Map<String, String> rest = options.resolve(here, texts);
        modelDir = directory(here, rest.remove(DIR_OPTION));
        String named = rest.remove(NAME_OPTION);
        String name = named == null ? modelName : named;
        predictLimit = timeout(rest.remove(TIMEOUT_OPTION));
        if (manager.getDevice().isGpu()) {
            // What DJL was asked to load it on; what the model itself asks for counts more.
            rest.putIfAbsent(DEVICE_OPTION, deviceName(manager.getDevice()));
        }
        loading = server.loading(here, manager.getDevice());
        requireWanted();
        // Asked before the long load, and again by add.
        requireFree(name);
        worker = factory.start(modelDir, name, rest);
        publish(worker);
        handOver();
    }

    /** {@inheritDoc} */
    @Override
    public <I, O> Predictor<I, O> newPredictor(Translator<I, O> translator, Device device) {
        if (worker == null) {
            throw new IllegalStateException("not loaded: " + modelName);
        }
        ModelDirectory only = new OneModel(worker, modelName);
        return new KvLinkPredictor<>(
                this,
                translator,
                device,
                new BlockingCompletions(only, InstantSource.system(), predictLimit));
    }

    /**
     * Drains the worker and ends it; returns when it has ended. Under DJL Serving, which calls this
     * on an event loop, a worker that has something to do ends later. Twice does nothing.
     */
    @Override
    public void close() {
        TextGenerator ending = takeWorker();
        if (ending != null && loading.isPresent()) {
            workers.endLater(ending);
        } else if (ending != null) {
            workers.end(ending);
        }
        super.close();
    }

    private synchronized @Nullable TextGenerator takeWorker() {
        TextGenerator taken = worker;
        worker = null;
        return taken;
    }

    private Optional<ModelVersion> version() {
        return loading.flatMap(ServerModels.Loading::version);
    }

    private void requireWanted() {
        if (loading.isPresent() && !loading.get().wanted()) {
            throw new ModelLoadException(
                    "model=%s was unregistered while it loaded".formatted(modelName));
        }
    }

    /**
     * Ends a model that DJL Serving has unregistered meanwhile. Until DJL Serving knows that it has
     * the model, nobody else would close it.
     */
    private void handOver() {
        if (loading.isEmpty()) {
            return;
        }
        try {
            requireWanted();
        } catch (ModelLoadException unwanted) {
            close();
            throw unwanted;
        }
        Thread watch = new Thread(this::closeUnlessTaken, "kv-hand-over");
        watch.setDaemon(true);
        watch.start();
    }

    private void closeUnlessTaken() {
        ServerModels.Loading here = loading.orElseThrow();
        try {
            while (!here.taken(this) && here.wanted()) {
                TimeUnit.MILLISECONDS.sleep(LOOK_MS);
            }
            // Asked after the other: whoever unregisters it from here on finds and closes it.
            if (!here.wanted()) {
                close();
            }
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Keeps quiet. An engine without arrays has a manager that is never closed. DJL's own method
     * would warn of each model that was.
     */
    @Override
    @SuppressWarnings({"deprecation", "removal", "Finalize"})
    protected void finalize() {}

    private void requireFree(String name) {
        try {
            workers.requireFree(name, version());
        } catch (IllegalStateException taken) {
            throw new ModelLoadException(String.valueOf(taken.getMessage()), taken);
        }
    }

    private void publish(TextGenerator started) {
        try {
            workers.add(started, version());
        } catch (IllegalStateException taken) {
            started.close();
            worker = null;
            throw new ModelLoadException(String.valueOf(taken.getMessage()), taken);
        }
        setProperty(NAME_PROPERTY, started.modelName());
        started.kvAddress()
                .map(HostPort::toString)
                .ifPresent(address -> setProperty(KV_ADDRESS_PROPERTY, address));
    }

    // DJL's "any GPU" is the first one.
    private static String deviceName(Device device) {
        return "gpu" + Math.max(0, device.getDeviceId());
    }

    private static Path directory(Path modelPath) {
        Path dir = Files.isRegularFile(modelPath) ? modelPath.getParent() : modelPath;
        return dir == null ? Path.of("") : dir;
    }

    private static Path directory(Path here, @Nullable String elsewhere) {
        Path dir = elsewhere == null ? here : here.resolve(elsewhere).normalize();
        if (!Files.isDirectory(dir)) {
            throw new ModelLoadException(
                    "%s=%s is no directory; expected one with config.json and model*.safetensors"
                            .formatted(elsewhere == null ? "model" : "option.model_dir", dir));
        }
        return dir;
    }

    private static Duration timeout(@Nullable String seconds) {
        try {
            long value = seconds == null ? DEFAULT_TIMEOUT_S : Long.parseLong(seconds.trim());
            if (value > 0 && value <= 86_400) {
                return Duration.ofSeconds(value);
            }
        } catch (NumberFormatException cause) {
            // Refused below like any other.
        }
        throw new ModelLoadException(
                "option.%s=%s; expected seconds from 1 to 86400"
                        .formatted(TIMEOUT_OPTION, seconds));
    }
}
