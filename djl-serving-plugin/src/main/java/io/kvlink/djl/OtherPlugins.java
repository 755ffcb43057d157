// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.serving.plugins.RequestHandler;
import io.netty.handler.codec.http.HttpRequest;
import java.util.Collection;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server's other plugins. DJL Serving asks its plugins in no order, so of two that want a path
 * chance would decide. Thread-safe.
 */
final class OtherPlugins {

    private static final Logger log = LoggerFactory.getLogger(OtherPlugins.class);

    // A plugin that asks as we do asks us again.
    private static final ThreadLocal<Boolean> ASKING = ThreadLocal.withInitial(() -> false);

    private final RequestHandler<?> own;

    private volatile @Nullable Object manager;

    OtherPlugins(RequestHandler<?> own) {
        this.own = own;
    }

    /** DJL Serving's {@code PluginManager}, read by name. */
    void setManager(Object pluginManager) {
        manager = pluginManager;
    }

    /** True if another plugin takes a request. On an event loop. */
    boolean want(HttpRequest request) {
        Object known = manager;
        if (known == null || ASKING.get()) {
            return false;
        }
        ASKING.set(true);
        try {
            Object plugins =
                    known.getClass()
                            .getMethod("findImplementations", Class.class)
                            .invoke(known, RequestHandler.class);
            return plugins instanceof Collection<?> handlers
                    && handlers.stream().anyMatch(handler -> takes(handler, request));
        } catch (ReflectiveOperationException cause) {
            log.warn("class={} is not that of DJL Serving 0.36", known.getClass().getName());
            manager = null;
            return false;
        } finally {
            ASKING.set(false);
        }
    }

    private boolean takes(@Nullable Object handler, HttpRequest request) {
        return handler instanceof RequestHandler<?> plugin
                && plugin != own
                && plugin.acceptInboundMessage(request);
    }
}
