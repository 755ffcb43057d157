// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.util.passthrough.PassthroughNDManager;
import io.kvlink.djl.options.ModelOptions;

/**
 * DJL's view of KvLink: an engine whose models are workers. It has no arrays of its own; workers
 * compute with the PyTorch engine.
 */
public final class KvLinkEngine extends Engine {

    /** Name of the engine in serving.properties: {@code engine=KvLink}. */
    public static final String NAME = "KvLink";

    static final int RANK = 100;

    private final WorkerFactory factory;
    private final Workers workers;
    private final ModelOptions options;
    private final ServerModels server;

    KvLinkEngine(
            WorkerFactory factory, Workers workers, ModelOptions options, ServerModels server) {
        this.factory = factory;
        this.workers = workers;
        this.options = options;
        this.server = server;
    }

    /** PyTorch, if it is there. */
    @Override
    @SuppressWarnings("NullAway") // DJL's way to say "none", without an annotation.
    public Engine getAlternativeEngine() {
        return Engine.hasEngine("PyTorch") ? Engine.getEngine("PyTorch") : null;
    }

    /** {@inheritDoc} */
    @Override
    public String getEngineName() {
        return NAME;
    }

    /** {@inheritDoc} */
    @Override
    public int getRank() {
        return RANK;
    }

    /** {@inheritDoc} */
    @Override
    public String getVersion() {
        String version = KvLinkEngine.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    /** None: above all no devices, of which DJL Serving would load one model each. */
    @Override
    public boolean hasCapability(String capability) {
        return false;
    }

    /** {@inheritDoc} */
    @Override
    public Model newModel(String name, Device device) {
        return new KvLinkModel(name, newBaseManager(device), factory, workers, options, server);
    }

    /** {@inheritDoc} */
    @Override
    public NDManager newBaseManager() {
        return newBaseManager(Device.cpu());
    }

    /** {@inheritDoc} */
    @Override
    public NDManager newBaseManager(Device device) {
        return new PassthroughNDManager(this, device);
    }
}
