// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.util.concurrent.atomic.AtomicBoolean;
import org.zeromq.ZMQ;

/**
 * Ends a poll from another thread. {@link #signal} is for any thread, the rest for the thread that
 * polls.
 *
 * <p>Interrupting a thread inside {@link #signal} closes the pipe: that is how NIO does it. The
 * poll then ends as it should, by the end of the stream, and {@link #clear} makes a new pipe.
 */
final class WakeupPipe implements AutoCloseable {

    private final ZMQ.Poller poller;
    private final ByteBuffer taken = ByteBuffer.allocate(16);
    // True from the write of a byte until that byte was read: at most one is ever in the pipe.
    // Set by any thread, reset by the polling thread.
    private final AtomicBoolean signalled = new AtomicBoolean();
    // Replaced by the polling thread only.
    private volatile Pipe pipe;

    WakeupPipe(ZMQ.Poller poller) {
        this.poller = poller;
        this.pipe = open();
    }

    /** Ends the poll, now or the next time. */
    void signal() {
        if (signalled.compareAndSet(false, true)) {
            try {
                pipe.sink().write(ByteBuffer.wrap(new byte[1]));
            } catch (IOException cause) {
                // Closed by an interrupt or for good: either way the poll ends.
            }
        }
    }

    /**
     * Takes the signal, if there is one. Entries that were queued before it are visible from here
     * on.
     */
    void clear() {
        if (!signalled.get() && pipe.sink().isOpen()) {
            return;
        }
        try {
            // First read, then reset: the other way round could eat the byte of a later signal.
            int count = pipe.source().read(taken.clear());
            if (count < 0 || !pipe.sink().isOpen()) {
                shut();
                pipe = open();
            } else if (count == 0) {
                // The signaller hasn't written yet; its byte will end the next poll.
                return;
            }
        } catch (IOException cause) {
            throw new UncheckedIOException("reading the wakeup pipe", cause);
        }
        signalled.set(false);
    }

    @Override
    public void close() {
        try {
            shut();
        } catch (IOException cause) {
            throw new UncheckedIOException("closing the wakeup pipe", cause);
        }
    }

    private Pipe open() {
        try {
            Pipe opened = Pipe.open();
            opened.source().configureBlocking(false);
            opened.sink().configureBlocking(false);
            poller.register(opened.source(), ZMQ.Poller.POLLIN);
            return opened;
        } catch (IOException cause) {
            throw new UncheckedIOException("opening the wakeup pipe", cause);
        }
    }

    private void shut() throws IOException {
        poller.unregister(pipe.source());
        try {
            pipe.sink().close();
        } finally {
            pipe.source().close();
        }
    }
}
