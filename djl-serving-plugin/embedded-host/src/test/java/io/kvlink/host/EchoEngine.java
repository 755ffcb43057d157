// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import ai.djl.BaseModel;
import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineProvider;
import ai.djl.ndarray.NDManager;
import ai.djl.util.passthrough.PassthroughNDManager;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** An engine whose model only remembers its options. */
final class EchoEngine extends Engine {

    static final Map<String, String> loaded = new TreeMap<>();
    static volatile boolean open;
    static volatile Runnable whileClosing = () -> {};

    static final class Provider implements EngineProvider {
        private final Engine engine = new EchoEngine();

        @Override
        public String getEngineName() {
            return "Echo";
        }

        @Override
        public int getEngineRank() {
            return 1000;
        }

        @Override
        public Engine getEngine() {
            return engine;
        }
    }

    private static final class EchoModel extends BaseModel {
        EchoModel(String name, NDManager manager) {
            super(name);
            this.manager = manager;
        }

        @Override
        public void load(Path modelPath, String prefix, Map<String, ?> options) {
            setModelDir(modelPath);
            if ("yes".equals(options.get("fail"))) {
                throw new IllegalStateException("option.fail=yes;\n leave it");
            }
            loaded.clear();
            options.forEach((key, value) -> loaded.put(key, String.valueOf(value)));
            open = true;
        }

        @Override
        public void close() {
            whileClosing.run();
            open = false;
            super.close();
        }
    }

    @Override
    public Engine getAlternativeEngine() {
        return null;
    }

    @Override
    public String getEngineName() {
        return "Echo";
    }

    @Override
    public int getRank() {
        return 1000;
    }

    @Override
    public String getVersion() {
        return "1";
    }

    @Override
    public boolean hasCapability(String capability) {
        return false;
    }

    @Override
    public Model newModel(String name, Device device) {
        return new EchoModel(name, newBaseManager(device));
    }

    @Override
    public NDManager newBaseManager() {
        return newBaseManager(Device.cpu());
    }

    @Override
    public NDManager newBaseManager(Device device) {
        return new PassthroughNDManager(this, device);
    }
}
