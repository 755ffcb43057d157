// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * Threads and sockets that broken connectors leave, until a run of the suite is over. Any thread.
 */
final class Leaks {

    private static CountDownLatch over = new CountDownLatch(1);
    private static final List<DatagramChannel> SOCKETS = new ArrayList<>();

    private Leaks() {}

    /** A run of the suite begins. */
    static synchronized void begin() {
        over = new CountDownLatch(1);
    }

    /** The run is over: ends and closes all that is left. */
    static synchronized void end() {
        over.countDown();
        for (DatagramChannel socket : SOCKETS) {
            try {
                socket.close();
            } catch (IOException cause) {
                throw new UncheckedIOException(cause);
            }
        }
        SOCKETS.clear();
    }

    /** Reaches zero when the run is over. */
    static synchronized CountDownLatch over() {
        return over;
    }

    static synchronized void leaveASocket() {
        try {
            SOCKETS.add(DatagramChannel.open());
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    static void leaveAThread() {
        CountDownLatch until = over();
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                until.await();
                            } catch (InterruptedException stop) {
                                Thread.currentThread().interrupt();
                            }
                        },
                        "kv-left");
        thread.setDaemon(true);
        thread.start();
    }
}
