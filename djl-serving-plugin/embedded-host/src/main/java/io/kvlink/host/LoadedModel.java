// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import ai.djl.ModelException;
import ai.djl.engine.Engine;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.TreeSet;

/** A model, loaded through DJL's {@code Criteria} as DJL Serving loads it. */
final class LoadedModel implements AutoCloseable {

    // What KvLink's engine tells of a model, by DJL's own means: the host doesn't know its classes.
    private static final String NAME_PROPERTY = "kvlink.model_name";
    private static final String KV_ADDRESS_PROPERTY = "kvlink.kv_address";

    private final ZooModel<Input, Output> model;

    private LoadedModel(ZooModel<Input, Output> model) {
        this.model = model;
    }

    /**
     * Loads a model; takes as long as it takes.
     *
     * @throws HostException saying what is wrong with the directory or its properties
     */
    static LoadedModel load(Path modelDir, ServingProperties properties) {
        if (!Engine.hasEngine(properties.engine())) {
            throw new HostException(
                    "engine=%s is not there; known=%s"
                            .formatted(properties.engine(), new TreeSet<>(Engine.getAllEngines())));
        }
        try {
            return new LoadedModel(
                    Criteria.builder()
                            .setTypes(Input.class, Output.class)
                            .optModelPath(modelDir)
                            .optEngine(properties.engine())
                            .optOptions(properties.options())
                            .build()
                            .loadModel());
        } catch (ModelException | IOException | RuntimeException cause) {
            throw new HostException("model-dir=" + modelDir + ": " + reason(cause), cause);
        }
    }

    /** Name that clients ask for. */
    String name() {
        return property(NAME_PROPERTY).orElse(model.getName());
    }

    /** Address that peers reach the model's connector at. */
    Optional<String> kvAddress() {
        return property(KV_ADDRESS_PROPERTY);
    }

    @Override
    public void close() {
        model.close();
    }

    private Optional<String> property(String key) {
        return Optional.ofNullable(model.getProperty(key));
    }

    private static String reason(Throwable cause) {
        String message = cause.getMessage();
        return message == null ? cause.toString() : message;
    }
}
