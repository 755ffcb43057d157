// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import java.net.URL;
import java.net.URLClassLoader;
import org.jspecify.annotations.Nullable;

/**
 * Loads connectors and pools with the libraries that lie beside them in the plugin folder, whatever
 * else the server has. DJL Serving's TensorFlow engine, for instance, brings a JavaCPP of its own.
 * A parent-first loader would give that one to a connector made for another.
 *
 * <p>Types that connector and plugin exchange are the plugin's: the SPI, and those that the server
 * alone has. One for each process, since a native library belongs to one loader. Thread-safe.
 */
final class ConnectorLoader extends URLClassLoader {

    static {
        registerAsParallelCapable();
    }

    private ConnectorLoader(URL[] jars, ClassLoader plugins) {
        super("kvlink-connectors", jars, plugins);
    }

    /**
     * A loader of the same jars that looks into them first. If the loader isn't one of jars, as
     * when everything is on one class path, it is returned itself.
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
