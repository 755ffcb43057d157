// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import ai.djl.serving.plugins.RequestHandler;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Request handlers of all plugins, found as DJL Serving finds them: by their {@code
 * META-INF/plugin.definition}. The class path and the jars of one folder are searched, all through
 * one parent-first class loader.
 */
final class Plugins implements AutoCloseable {

    private static final Logger logger = LoggerFactory.getLogger(Plugins.class);
    private static final String DEFINITION = "META-INF/plugin.definition";

    private final URLClassLoader loader;
    private final List<RequestHandler<?>> handlers = new ArrayList<>();

    private Plugins(URLClassLoader loader) {
        this.loader = loader;
    }

    /**
     * Loads all plugins.
     *
     * @param parent the class path
     * @param folder searched for jars, at any depth
     * @throws HostException if there is none, or one can't be made
     */
    static Plugins load(ClassLoader parent, Optional<Path> folder) {
        URL[] jars = folder.map(Plugins::jars).orElseGet(() -> new URL[0]);
        Plugins plugins = new Plugins(new URLClassLoader(jars, parent));
        try {
            plugins.readDefinitions();
            return plugins;
        } catch (RuntimeException | Error failure) {
            plugins.close();
            throw failure;
        }
    }

    List<RequestHandler<?>> handlers() {
        return handlers;
    }

    ClassLoader loader() {
        return loader;
    }

    @Override
    public void close() {
        for (RequestHandler<?> handler : handlers) {
            if (handler instanceof AutoCloseable closeable) {
                close(closeable);
            }
        }
        close(loader);
    }

    private static void close(AutoCloseable closeable) {
        try {
            closeable.close();
        } catch (Exception cause) {
            logger.warn("plugin={} doesn't close", closeable.getClass().getName(), cause);
        }
    }

    private void readDefinitions() {
        List<URL> definitions;
        try {
            definitions = Collections.list(loader.getResources(DEFINITION));
        } catch (IOException cause) {
            throw new HostException(DEFINITION + " can't be looked for", cause);
        }
        if (definitions.isEmpty()) {
            throw new HostException(
                    "no "
                            + DEFINITION
                            + " found; is the plugin's jar on the class path or in the plugin folder?");
        }
        Set<String> names = new HashSet<>();
        for (URL definition : definitions) {
            Properties properties = read(definition);
            String name = properties.getProperty("name", definition.toString());
            if (!names.add(name)) {
                throw new HostException(
                        "plugin=" + name + " is there twice: " + definitions + "; leave one");
            }
            for (String export :
                    properties.getProperty("export", "").trim().split("\\s*,\\s*", 0)) {
                if (!export.isEmpty()) {
                    handlers.add(make(export, definition));
                    logger.info("plugin={} handler={}", name, export);
                }
            }
        }
    }

    private static Properties read(URL definition) {
        Properties properties = new Properties();
        try {
            URLConnection connection = definition.openConnection();
            // A cached jar would stay open after this loader is closed.
            connection.setUseCaches(false);
            try (InputStream in = connection.getInputStream()) {
                properties.load(in);
            }
            return properties;
        } catch (IOException cause) {
            throw new HostException(definition + " can't be read", cause);
        }
    }

    private RequestHandler<?> make(String className, URL definition) {
        try {
            return (RequestHandler<?>) loader.loadClass(className).getConstructor().newInstance();
        } catch (ReflectiveOperationException | ClassCastException | LinkageError cause) {
            Throwable reason = cause.getCause() == null ? cause : cause.getCause();
            throw new HostException(
                    "%s exports %s, which can't be made: %s"
                            .formatted(definition, className, reason),
                    cause);
        }
    }

    private static URL[] jars(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new HostException("plugin-folder=" + folder + " is no directory");
        }
        try (Stream<Path> files = Files.walk(folder)) {
            List<Path> jars =
                    files.filter(Files::isRegularFile)
                            .filter(file -> isJar(file.toString()))
                            .sorted()
                            .toList();
            URL[] urls = new URL[jars.size()];
            for (int i = 0; i < urls.length; i++) {
                urls[i] = jars.get(i).toUri().toURL();
            }
            return urls;
        } catch (IOException cause) {
            throw new HostException("plugin-folder=" + folder + " can't be read", cause);
        }
    }

    private static boolean isJar(String name) {
        return name.toLowerCase(Locale.ROOT).endsWith(".jar");
    }
}
