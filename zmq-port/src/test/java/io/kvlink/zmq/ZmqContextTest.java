// SPDX-License-Identifier: Apache-2.0
package io.kvlink.zmq;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeromq.SocketType;
import org.zeromq.ZMQ;

@Timeout(60)
class ZmqContextTest {

    @Test
    void shouldNameAThreadThatHasDied() throws InterruptedException {
        try (ZmqContext context = new ZmqContext();
                ZMQ.Socket socket = context.socket(SocketType.ROUTER, 1, 1, 1)) {
            assertThat(socket.getSocketType()).isEqualTo(SocketType.ROUTER);
            AtomicInteger failures = new AtomicInteger();
            run(
                    context,
                    () -> {
                        if (failures.incrementAndGet() < 3) {
                            throw new IllegalStateException("made by the test");
                        }
                        throw new OutOfMemoryError("made by the test");
                    });
            assertThat(failures).as("it goes on after an exception").hasValue(3);
            assertThat(context.fault()).contains("thread=kv-zmq-io has ended; see the log");
        }
    }

    @Test
    void shouldHaveNoFaultWhileItsThreadsRun() {
        try (ZmqContext context = new ZmqContext();
                ZMQ.Socket socket = context.socket(SocketType.ROUTER, 1, 1, 1)) {
            assertThat(socket.bind("tcp://127.0.0.1:0")).isTrue();
            assertThat(context.fault()).isEmpty();
        }
    }

    private static void run(ZmqContext context, Runnable work) throws InterruptedException {
        Thread thread = context.thread(work, "io");
        // What ends it is expected here, and isn't for the console.
        thread.setUncaughtExceptionHandler((which, cause) -> {});
        thread.start();
        thread.join(TimeUnit.SECONDS.toMillis(30));
        assertThat(thread.isAlive()).isFalse();
    }
}
