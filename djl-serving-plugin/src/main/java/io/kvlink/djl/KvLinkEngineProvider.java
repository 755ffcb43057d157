// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineProvider;

/** Offers the engine to DJL: {@code engine=KvLink}. */
public final class KvLinkEngineProvider implements EngineProvider {

    private final KvLinkEngine engine;

    /** For DJL. Starts nothing. */
    public KvLinkEngineProvider() {
        this(
                (modelDir, name, options) -> {
                    throw new IllegalStateException("model_name=" + name + "; no worker yet");
                },
                Workers.SHARED);
    }

    KvLinkEngineProvider(WorkerFactory factory, Workers workers) {
        engine = new KvLinkEngine(factory, workers);
    }

    /** {@inheritDoc} */
    @Override
    public String getEngineName() {
        return KvLinkEngine.NAME;
    }

    /** Behind PyTorch, so that KvLink never becomes DJL's default engine by being installed. */
    @Override
    public int getEngineRank() {
        return KvLinkEngine.RANK;
    }

    /** {@inheritDoc} */
    @Override
    public Engine getEngine() {
        return engine;
    }
}
