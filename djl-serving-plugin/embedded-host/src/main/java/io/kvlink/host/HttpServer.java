// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import ai.djl.serving.plugins.RequestHandler;
import io.kvlink.http.BodyLimit;
import io.kvlink.http.CorsSettings;
import io.kvlink.http.HttpPort;
import java.io.IOException;
import java.util.List;

/**
 * The host's port. Connections wait in the kernel until {@link #accept}. The port has to be known
 * before a model is loaded, and answers can be given only afterwards. Thread-safe.
 */
final class HttpServer implements AutoCloseable {

    // DJL Serving's default for max_request_size.
    private static final BodyLimit LIMIT = BodyLimit.of("max_request_size", 64 << 20);

    private final HttpPort port;

    // Set once, before the first connection is accepted.
    private volatile List<RequestHandler<?>> handlers = List.of();
    private volatile boolean ending;

    private HttpServer(String host, int port, CorsSettings cors) throws IOException {
        this.port =
                HttpPort.bind(
                        new HttpPort.Options(host, port, "kv-host", 0, cors, LIMIT),
                        () -> new Dispatcher(handlers, () -> ending));
    }

    /**
     * Binds a port.
     *
     * @param cors for pages of other origins
     * @throws HostException if it can't be bound
     */
    static HttpServer bind(String host, int port, CorsSettings cors) {
        try {
            return new HttpServer(host, port, cors);
        } catch (IOException cause) {
            throw new HostException(
                    "host=%s port=%d can't be bound: %s".formatted(host, port, cause.getMessage()),
                    cause);
        }
    }

    int port() {
        return port.port();
    }

    /** Begins to answer. */
    void accept(List<RequestHandler<?>> plugins) {
        handlers = List.copyOf(plugins);
        port.accept();
    }

    /**
     * Ends the server: a request that no plugin takes any more isn't unknown, as its path was there
     * a moment ago.
     */
    void end() {
        ending = true;
    }

    /** Takes no more connections; those there are stay. */
    void stopAccepting() {
        port.stopAccepting();
    }

    void awaitStopped() throws InterruptedException {
        port.awaitStopped();
    }

    @Override
    public void close() {
        port.close();
    }
}
