// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.limit;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * Thread of its own for an engine's worker half. While that half is called there, the engine's
 * thread does something else, such as asking the scheduler half.
 */
public final class WorkerThread implements AutoCloseable {

    private final TestThread thread = new TestThread("tck-worker");
    private final Runnable enter;
    private Runnable meanwhile = () -> {};

    /**
     * Thread without a connector.
     *
     * @param enter makes the engine's device the thread's
     */
    public WorkerThread(Runnable enter) {
        this.enter = enter;
    }

    /** Sets what the engine's thread does during each call of the worker half. */
    public void meanwhile(Runnable toDo) {
        meanwhile = toDo;
    }

    /** Provider of connectors whose worker half is called by this thread. */
    public KvConnectorProvider over(KvConnectorProvider real) {
        return new KvConnectorProvider() {
            @Override
            public String name() {
                return real.name();
            }

            @Override
            public int spiVersion() {
                return real.spiVersion();
            }

            @Override
            public Availability availability() {
                return real.availability();
            }

            @Override
            public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
                return moved(real.create(config, context));
            }
        };
    }

    private KvConnector moved(KvConnector connector) {
        KvWorker worker =
                proxy(
                        KvWorker.class,
                        (method, arguments) ->
                                onThread(() -> call(connector.worker(), method, arguments)));
        return proxy(
                KvConnector.class,
                (method, arguments) ->
                        method.getName().equals("worker")
                                ? worker
                                : call(connector, method, arguments));
    }

    private interface Call {
        @Nullable Object of(Method method, Object @Nullable [] arguments) throws Throwable;
    }

    private static <T> T proxy(Class<T> type, Call call) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, arguments) -> call.of(method, arguments)));
    }

    private static @Nullable Object call(Object real, Method method, Object @Nullable [] arguments)
            throws Exception {
        try {
            return method.invoke(real, arguments);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause() instanceof Exception cause ? cause : thrown;
        }
    }

    // The time limit of the call is that of the suite's watch, behind this.
    private @Nullable Object onThread(Callable<@Nullable Object> call) throws Throwable {
        FutureTask<@Nullable Object> task =
                new FutureTask<>(
                        () -> {
                            enter.run();
                            return call.call();
                        });
        thread.run(task);
        meanwhile.run();
        try {
            return task.get();
        } catch (ExecutionException thrown) {
            throw thrown.getCause() == null ? thrown : thrown.getCause();
        }
    }

    @Override
    public void close() {
        thread.end();
    }
}
