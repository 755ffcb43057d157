// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvWorker;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Set;

/**
 * Connector whose calls, and those of all that share its lock, come one after the other. So a
 * reference connector needs no thought of threads.
 */
final class OneAtATime implements InvocationHandler {

    /** Threads that broken connectors want to be the same. */
    static final class Wanted {
        private final Set<Class<?>> types;
        private Thread first;

        Wanted(Class<?>... types) {
            this.types = Set.of(types);
        }

        private void require(Method method) {
            if (types.contains(method.getDeclaringClass())) {
                first = first == null ? Thread.currentThread() : first;
                if (first != Thread.currentThread()) {
                    throw new IllegalStateException(method.getName() + " by another thread");
                }
            }
        }
    }

    private static final Set<String> HALVES = Set.of("scheduler", "worker");

    private final Object lock;
    private final KvConnector real;
    private final Wanted wanted;

    private OneAtATime(Object lock, KvConnector real, Wanted wanted) {
        this.lock = lock;
        this.real = real;
        this.wanted = wanted;
    }

    /**
     * Connector that is called by any thread.
     *
     * @param lock of all that share something
     * @param real both halves, too
     * @param wanted calls that one thread has to make; of no type for an honest connector
     */
    static KvConnector of(Object lock, KvConnector real, Wanted wanted) {
        return (KvConnector)
                Proxy.newProxyInstance(
                        KvConnector.class.getClassLoader(),
                        new Class<?>[] {KvConnector.class, KvScheduler.class, KvWorker.class},
                        new OneAtATime(lock, real, wanted));
    }

    static KvConnector real(KvConnector connector) {
        return ((OneAtATime) Proxy.getInvocationHandler(connector)).real;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        if (method.getName().equals("equals")) {
            return proxy == arguments[0];
        }
        if (HALVES.contains(method.getName())) {
            return proxy;
        }
        synchronized (lock) {
            wanted.require(method);
            try {
                return method.invoke(real, arguments);
            } catch (InvocationTargetException thrown) {
                throw thrown.getCause();
            }
        }
    }
}
