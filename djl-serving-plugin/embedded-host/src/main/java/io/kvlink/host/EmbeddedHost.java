// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Serves one model over HTTP, with the plugins and through the code that DJL Serving would use. An
 * instance that exists is answering. Thread-safe.
 */
public final class EmbeddedHost implements AutoCloseable {

    private final HttpServer server;
    private final Plugins plugins;
    private final LoadedModel model;
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch ended = new CountDownLatch(1);

    private EmbeddedHost(HttpServer server, Plugins plugins, LoadedModel model) {
        this.server = server;
        this.plugins = plugins;
        this.model = model;
    }

    /**
     * Binds the port, loads plugins and model, and begins to answer.
     *
     * @param config what and where
     * @param classPath sees the plugins that aren't in the plugin folder
     * @throws HostException if anything of that doesn't work; nothing is left open then
     */
    public static EmbeddedHost start(HostConfig config, ClassLoader classPath) {
        Path modelDir = config.modelDir().toAbsolutePath().normalize();
        ServingProperties properties = ServingProperties.read(modelDir, config.options());
        HttpServer server = HttpServer.bind(config.host(), config.port(), config.cors());
        try {
            return start(modelDir, properties.withPort(server.port()), config, classPath, server);
        } catch (RuntimeException | Error failure) {
            server.close();
            throw failure;
        }
    }

    private static EmbeddedHost start(
            Path modelDir,
            ServingProperties properties,
            HostConfig config,
            ClassLoader classPath,
            HttpServer server) {
        Plugins plugins = Plugins.load(classPath, config.pluginFolder());
        try {
            LoadedModel model = LoadedModel.load(modelDir, properties);
            server.accept(plugins.handlers());
            return new EmbeddedHost(server, plugins, model);
        } catch (RuntimeException | Error failure) {
            plugins.close();
            throw failure;
        }
    }

    /** The port that was bound. */
    public int port() {
        return server.port();
    }

    /** Name that clients ask for. */
    public String modelName() {
        return model.name();
    }

    /** Address that peers reach the model's connector at; empty without one. */
    public Optional<String> kvAddress() {
        return model.kvAddress();
    }

    /**
     * Waits until another thread closes the host.
     *
     * @throws InterruptedException if interrupted meanwhile
     */
    public void awaitClosed() throws InterruptedException {
        server.awaitStopped();
    }

    /**
     * Ends the model, which drains first and answers new requests with 503 meanwhile. Then the host
     * takes no more connections, lets the last answers out, and ends all threads. A second call
     * waits for the first.
     */
    @Override
    public void close() {
        if (closing.getAndSet(true)) {
            awaitEnd();
            return;
        }
        try (server;
                plugins) {
            server.end();
            model.close();
            server.stopAccepting();
        } finally {
            ended.countDown();
        }
    }

    private void awaitEnd() {
        try {
            ended.await();
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }
}
