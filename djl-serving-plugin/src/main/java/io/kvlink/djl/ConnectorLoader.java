// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import java.net.URL;
import java.net.URLClassLoader;
import org.jspecify.annotations.Nullable;

/**
 * Sees connectors and pools with the libraries that lie beside them in the plugin folder, whatever
 * else the server has: DJL Serving's TensorFlow engine brings a JavaCPP of its own, which a
 * parent-first loader would give to a connector made for another.
 *
 * <p>What connector and plugin exchange is the plugin's: the SPI, and what the server alone has. So
 * are the calls of the CUDA driver: both work in one context, over one JNA, the server's. One for
 * each process, since a native library of JavaCPP belongs to one loader. Thread-safe.
 */
final class ConnectorLoader extends URLClassLoader {

    static {
        registerAsParallelCapable();
    }

    private ConnectorLoader(URL[] jars, ClassLoader plugins) {
        super("kvlink-connectors", jars, plugins);
    }

    /**
     * A loader of the same jars that looks into them first; the same loader if it isn't one of
     * jars, as when everything is on one class path.
     */
    static ClassLoader over(ClassLoader plugins) {
        return plugins instanceof URLClassLoader jars
                ? new ConnectorLoader(jars.getURLs(), plugins)
                : plugins;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (shared(name)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            if (loaded == null) {
                loaded = ownOrNull(name);
            }
            if (loaded == null) {
                return super.loadClass(name, resolve);
            }
            if (resolve) {
                resolveClass(loaded);
            }
            return loaded;
        }
    }

    /** The natives and properties of a library are those of its classes. */
    @Override
    public @Nullable URL getResource(String name) {
        URL own = findResource(name);
        return own == null ? super.getResource(name) : own;
    }

    private @Nullable Class<?> ownOrNull(String name) {
        try {
            return findClass(name);
        } catch (ClassNotFoundException elsewhere) {
            return null;
        }
    }

    private static boolean shared(String name) {
        return name.startsWith("java.")
                || name.startsWith("org.slf4j.")
                || name.startsWith("io.kvlink.spi.")
                || name.startsWith("io.kvlink.cuda.")
                || name.startsWith("io.kvlink.djl.");
    }
}
