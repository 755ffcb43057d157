// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** Connector of which one method waits, deaf to interrupts, until the run of the suite is over. */
record HangingConnector(Object real, String hangsIn) implements InvocationHandler {

    private static final AtomicInteger HANGING = new AtomicInteger();

    /** True while a call hangs. */
    static boolean hangs() {
        return HANGING.get() > 0;
    }

    static KvConnectorProvider provider(KvConnectorProvider real, String hangsIn) {
        return new KvConnectorProvider() {
            @Override
            public String name() {
                return real.name();
            }

            @Override
            public int spiVersion() {
                return KvSpi.VERSION;
            }

            @Override
            public Availability availability() {
                return Availability.usable();
            }

            @Override
            public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
                if (hangsIn.equals("create")) {
                    hang();
                }
                return hanging(KvConnector.class, real.create(config, context), hangsIn);
            }
        };
    }

    private static <T> T hanging(Class<T> type, Object real, String hangsIn) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        new HangingConnector(real, hangsIn)));
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        if (method.getName().equals(hangsIn)) {
            hang();
        }
        return switch (method.getName()) {
            case "scheduler" -> hanging(KvScheduler.class, real, hangsIn);
            case "worker" -> hanging(KvWorker.class, real, hangsIn);
            default -> answer(method, arguments);
        };
    }

    private Object answer(Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(real, arguments);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
    }

    private static void hang() {
        CountDownLatch until = Leaks.over();
        boolean interrupted = false;
        HANGING.incrementAndGet();
        while (until.getCount() > 0) {
            try {
                until.await();
            } catch (InterruptedException deaf) {
                interrupted = true;
            }
        }
        HANGING.decrementAndGet();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
