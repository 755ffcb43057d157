// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.limit;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Calls of a test's connectors that are under way, and the longest of each kind that returned. It
 * hands out connectors that do what the real ones do, and tell it of each call. Thread-safe.
 */
public final class ConnectorCalls {

    /** A call by a thread that the suite has given up: the test it belongs to has failed. */
    private static final class GivenUp extends Error {
        private static final long serialVersionUID = 1;

        GivenUp() {
            super("the test that makes this call has failed", null, false, false);
        }
    }

    private static final Set<Class<?>> HALVES = Set.of(KvScheduler.class, KvWorker.class);

    private final LongSupplier clock;
    private final Map<Thread, ConnectorCall> underWay = new ConcurrentHashMap<>();
    private final Map<String, Long> longestNs = new ConcurrentHashMap<>();
    private final Set<Thread> givenUp = ConcurrentHashMap.newKeySet();

    /**
     * Record without calls.
     *
     * @param clock nanoseconds for {@link #longestNs}
     */
    public ConnectorCalls(LongSupplier clock) {
        this.clock = clock;
    }

    /**
     * Provider whose connectors are watched.
     *
     * @param engine name in messages
     * @param real does the work
     */
    public KvConnectorProvider watched(String engine, KvConnectorProvider real) {
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
                KvConnectorProvider watched =
                        watched(KvConnectorProvider.class, new Watcher(engine, real));
                KvConnector connector = watched.create(config, context);
                return watched(KvConnector.class, new Watcher(engine, connector));
            }
        };
    }

    private static <T> T watched(Class<T> type, Watcher watcher) {
        return type.cast(
                Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, watcher));
    }

    /** The connector behind a watched one. */
    public static KvConnector real(KvConnector watched) {
        Watcher watcher = (Watcher) Proxy.getInvocationHandler(watched);
        return (KvConnector) watcher.real;
    }

    /** The call that has been under way longest. */
    public Optional<ConnectorCall> oldest() {
        return underWay.values().stream().min(Comparator.comparingLong(ConnectorCall::startNs));
    }

    /**
     * Longest time that a call of this name took, of those that returned; 0 without one.
     *
     * @param method such as {@code startLoad}
     */
    public long longestNs(String method) {
        return longestNs.getOrDefault(method, 0L);
    }

    /**
     * Interrupts a thread, and lets its calls from now on fail; likewise all that are in a call.
     */
    void giveUp(@Nullable Thread thread) {
        givenUp.addAll(underWay.keySet());
        if (thread != null) {
            givenUp.add(thread);
        }
        givenUp.forEach(Thread::interrupt);
    }

    private void requireWanted() {
        if (givenUp.contains(Thread.currentThread())) {
            throw new GivenUp();
        }
    }

    private void onReturned(ConnectorCall call, @Nullable ConnectorCall outer, long startNs) {
        if (outer == null) {
            underWay.remove(Thread.currentThread());
        } else {
            underWay.put(Thread.currentThread(), outer);
        }
        longestNs.merge(call.method(), clock.getAsLong() - startNs, Math::max);
    }

    /** Passes the calls of one object on. */
    private final class Watcher implements InvocationHandler {

        private final String engine;
        private final Object real;
        // Watched halves by the real ones, so that equal halves stay equal.
        private final IdentityHashMap<Object, Object> halves = new IdentityHashMap<>();

        Watcher(String engine, Object real) {
            this.engine = engine;
            this.real = real;
        }

        @Override
        public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] arguments)
                throws Throwable {
            if (method.getName().equals("equals")) {
                return arguments != null && proxy == arguments[0];
            }
            requireWanted();
            ConnectorCall call =
                    new ConnectorCall(
                            engine,
                            method.getName(),
                            arguments == null ? List.of() : List.of(arguments),
                            Thread.currentThread(),
                            System.nanoTime());
            ConnectorCall outer = underWay.put(Thread.currentThread(), call);
            long startNs = clock.getAsLong();
            try {
                Object answer = method.invoke(real, arguments);
                return HALVES.contains(method.getReturnType()) ? half(answer) : answer;
            } catch (InvocationTargetException thrown) {
                throw thrown.getCause() == null ? thrown : thrown.getCause();
            } finally {
                onReturned(call, outer, startNs);
                requireWanted();
            }
        }

        private Object half(Object answer) {
            synchronized (halves) {
                return halves.computeIfAbsent(answer, this::watchedHalf);
            }
        }

        // One object may be both halves.
        private Object watchedHalf(Object half) {
            ClassLoader loader = KvConnector.class.getClassLoader();
            Class<?>[] types =
                    half instanceof KvScheduler && half instanceof KvWorker
                            ? new Class<?>[] {KvScheduler.class, KvWorker.class}
                            : new Class<?>[] {
                                half instanceof KvScheduler ? KvScheduler.class : KvWorker.class
                            };
            return Proxy.newProxyInstance(loader, types, new Watcher(engine, half));
        }
    }
}
