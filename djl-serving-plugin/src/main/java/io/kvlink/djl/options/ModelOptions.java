// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.options;

import ai.djl.util.cuda.CudaUtils;
import io.kvlink.djl.options.LmiOptions.Meaningless;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns the options that DJL hands to a model into KvLink's own. Aliases are renamed, what the user
 * wrote without meaning here is refused, what DJL Serving added by itself is named in one line.
 */
public final class ModelOptions {

    private static final Logger log = LoggerFactory.getLogger(ModelOptions.class);

    /** Options that DJL gives every engine. */
    private static final Set<String> DJL = Set.of("modelName", "hasParameter");

    private final Map<String, String> environment;
    private final boolean server;
    private final IntSupplier gpus;

    /**
     * Makes one for a process.
     *
     * @param environment of the process
     * @param server whether this is DJL Serving, which adds options of its own
     */
    public ModelOptions(Map<String, String> environment, boolean server) {
        this(environment, server, CudaUtils::getGpuCount);
    }

    ModelOptions(Map<String, String> environment, boolean server, IntSupplier gpus) {
        this.environment = environment;
        this.server = server;
        this.gpus = gpus;
    }

    /**
     * KvLink's options of a model.
     *
     * @param modelDir where its {@code serving.properties} is, if it has one
     * @param given what DJL hands over, without {@code option.}
     * @return the options with KvLink's names, and those that nobody knows
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if one has no meaning here
     */
    public Map<String, String> resolve(Path modelDir, Map<String, String> given) {
        WrittenOptions written = WrittenOptions.read(modelDir, environment, !server);
        Map<String, String> options = new TreeMap<>(given);
        written.bare().forEach(options::putIfAbsent);
        options.keySet().removeAll(DJL);
        Map<String, String> recommended = new TreeMap<>();
        for (String key : List.copyOf(options.keySet())) {
            if (LmiOptions.knows(key) && !written.has(key)) {
                recommended.put(key, options.remove(key));
            }
        }
        if (!recommended.isEmpty()) {
            log.warn(
                    "options={} are DJL Serving's own, for its Python engines; they have no effect"
                            + " on engine=KvLink",
                    recommended);
        }
        refuseMeaningless(options);
        options.computeIfPresent(
                LmiOptions.DTYPE,
                (key, value) -> LmiOptions.DTYPES.getOrDefault(value.trim(), value));
        options.computeIfPresent(
                LmiOptions.MODEL_ID, (key, value) -> directory(modelDir, value.trim()));
        LmiOptions.ALIASES.forEach((alias, own) -> rename(options, alias, own, modelDir));
        return options;
    }

    private void refuseMeaningless(Map<String, String> options) {
        for (String key : List.copyOf(options.keySet())) {
            Meaningless option = LmiOptions.meaningless(key);
            if (option == null) {
                continue;
            }
            String value = options.remove(key);
            if (!option.asksForNothing(value) && !isOneGpu(key, value)) {
                throw refused("option.%s=%s; %s".formatted(key, value, option.reason()));
            }
        }
    }

    /** LMI's "all GPUs", where that is one at most. */
    private boolean isOneGpu(String key, String value) {
        return key.equals(LmiOptions.TENSOR_PARALLEL)
                && value.trim().equals("max")
                && gpus.getAsInt() <= 1;
    }

    private static void rename(
            Map<String, String> options, String alias, String own, Path modelDir) {
        String value = options.remove(alias);
        if (value == null) {
            return;
        }
        String other = options.putIfAbsent(own, value);
        if (other != null && !same(alias, value, other.trim(), modelDir)) {
            throw refused(
                    "option.%s=%s and option.%s=%s mean one thing; write one of the two"
                            .formatted(alias, value, own, other));
        }
    }

    private static boolean same(String alias, String value, String other, Path modelDir) {
        return alias.equals(LmiOptions.MODEL_ID)
                ? modelDir.resolve(value).normalize().equals(modelDir.resolve(other).normalize())
                : value.trim().equals(other);
    }

    /** The local directory that LMI's {@code model_id} names. */
    private static String directory(Path modelDir, String id) {
        try {
            Path path = id.startsWith("file:") ? Path.of(URI.create(id)) : Path.of(id);
            if (Files.isDirectory(modelDir.resolve(path))) {
                return path.toString();
            }
        } catch (IllegalArgumentException notOfThisMachine) {
            // Refused below like any other.
        }
        throw refused(
                ("option.model_id=%s is no local directory, and KvLink downloads nothing; fetch the"
                                + " files (%s) and write that directory")
                        .formatted(id, fetching(id)));
    }

    private static String fetching(String id) {
        if (id.startsWith("s3:")) {
            return "aws s3 sync " + id + " DIRECTORY";
        }
        boolean elsewhere = id.contains(":") || id.startsWith("/") || id.startsWith(".");
        return elsewhere
                ? "config.json, model*.safetensors and tokenizer.json"
                : "hf download " + id + " --local-dir DIRECTORY";
    }

    private static KvConnectorException refused(String message) {
        return new KvConnectorException(KvError.BAD_CONFIG, message);
    }
}
