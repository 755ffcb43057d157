// SPDX-License-Identifier: Apache-2.0
package io.kvlink.zmq;

import java.nio.channels.ClosedChannelException;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import zmq.Msg;

/**
 * A JeroMQ context whose threads carry our names, survive what a peer's bytes make JeroMQ throw,
 * and are gone after {@link #close}. Used by the thread that made it; the threads are JeroMQ's own.
 */
public final class ZmqContext implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(ZmqContext.class);
    private static final long CLOSE_NS = TimeUnit.SECONDS.toNanos(3);
    private static final int HANDSHAKE_MS = 2_000;
    private static final int RECONNECT_MS = 20;
    private static final int RECONNECT_MAX_MS = 1_000;
    // A thread that dies more often than this has nothing to do with a peer's bytes.
    private static final int MAX_REVIVALS = 1_000;

    private final ZContext context = new ZContext(1);
    // Filled by the thread that makes the first socket, read by close.
    private final List<Thread> threads = new CopyOnWriteArrayList<>();
    private final AtomicInteger failures = new AtomicInteger();
    private final SecureRandom random = new SecureRandom();

    /** Context without a socket, and so without threads. */
    public ZmqContext() {
        ZMQ.Context inner = context.getContext();
        // JeroMQ 0.6.0 spells it so.
        inner.setThreadFactor(this::thread);
        inner.setNotificationExceptionHandler((thread, cause) -> onFailure(cause));
    }

    /**
     * Makes a socket with bounded queues that gives up unsent frames when closed. It may move to
     * another thread if that thread sees it through a happens-before edge: JeroMQ binds no socket
     * to a thread, it only forbids two at a time.
     */
    public ZMQ.Socket socket(SocketType type, int sendQueue, int receiveQueue, int maxFrameBytes) {
        ZMQ.Socket socket = context.createSocket(type);
        socket.setLinger(0);
        socket.setSndHWM(sendQueue);
        socket.setRcvHWM(receiveQueue);
        socket.setMaxMsgSize(maxFrameBytes);
        // JeroMQ 0.6.0 takes a length beyond 2^63 for one below the maximum, and then allocates
        // what is left of it in an int. An empty message is dropped further up.
        socket.setMsgAllocator(bytes -> new Msg(bytes < 0 || bytes > maxFrameBytes ? 0 : bytes));
        socket.setIPv6(true);
        socket.setHandshakeIvl(HANDSHAKE_MS);
        socket.setReconnectIVL(RECONNECT_MS);
        socket.setReconnectIVLMax(RECONNECT_MAX_MS);
        // Frees what a peer held that vanished without closing its connection.
        socket.setTCPKeepAlive(1);
        socket.setTCPKeepAliveIdle(10);
        socket.setTCPKeepAliveInterval(5);
        socket.setTCPKeepAliveCount(3);
        return socket;
    }

    /** Poller of sockets of this context. */
    public ZMQ.Poller poller() {
        return context.createPoller(8);
    }

    /** Identity for a DEALER that no ROUTER has seen before. */
    public byte[] freshIdentity() {
        byte[] identity = new byte[16];
        random.nextBytes(identity);
        // ZeroMQ keeps identities that begin with a zero for itself.
        identity[0] |= 1;
        return identity;
    }

    /**
     * Name of a thread of JeroMQ that has ended; without it no frame comes or goes. Called from any
     * thread.
     */
    public Optional<String> fault() {
        return threads.stream()
                .filter(thread -> thread.getState() == Thread.State.TERMINATED)
                .findFirst()
                .map(thread -> "thread=" + thread.getName() + " has ended; see the log");
    }

    /**
     * Ends JeroMQ's threads. All sockets must be closed. Waits for their linger, and never longer
     * than a few seconds.
     */
    @Override
    public void close() {
        // Terminating waits without a deadline, so it waits elsewhere.
        Thread closer = new Thread(context::close, "kv-zmq-close");
        closer.setDaemon(true);
        closer.start();
        long deadlineNs = System.nanoTime() + CLOSE_NS;
        boolean ended = joined(closer, deadlineNs);
        for (Thread thread : threads) {
            ended &= joined(thread, deadlineNs);
        }
        if (!ended) {
            LOG.warn("closed=false threads={}; JeroMQ's daemon threads are left behind", threads);
        }
    }

    /** Makes a thread for JeroMQ that survives all that a peer can cause. */
    Thread thread(Runnable work, String name) {
        Thread thread =
                new Thread(
                        () -> {
                            PollerPulse.start(work);
                            keepRunning(work);
                        },
                        "kv-zmq-" + name);
        thread.setDaemon(true);
        threads.add(thread);
        return thread;
    }

    // JeroMQ's loop ends on any Error; running it again goes on where it was.
    private void keepRunning(Runnable work) {
        for (int revivals = 0; revivals < MAX_REVIVALS; revivals++) {
            try {
                work.run();
                return;
            } catch (VirtualMachineError cause) {
                throw cause;
            } catch (RuntimeException | Error cause) {
                onFailure(cause);
            }
        }
        LOG.error("thread={} ended after {} failures", Thread.currentThread(), MAX_REVIVALS);
    }

    private void onFailure(Throwable cause) {
        if (cause.getCause() instanceof ClosedChannelException) {
            // A socket's mailbox closed between a command and its signal; the command arrived.
            LOG.debug("JeroMQ", cause);
            return;
        }
        int count = failures.incrementAndGet();
        // A peer can cause as many as it likes: log the 1st, 2nd, 4th, 8th, and so on.
        if (Integer.bitCount(count) == 1) {
            LOG.warn("failures={}; a connection broke inside JeroMQ, others go on", count, cause);
        }
    }

    // Not interruptible: an interrupted caller still leaves no thread behind.
    private static boolean joined(Thread thread, long deadlineNs) {
        boolean interrupted = false;
        try {
            while (true) {
                long leftNs = deadlineNs - System.nanoTime();
                try {
                    thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(leftNs)));
                    if (!thread.isAlive() || leftNs <= 0) {
                        return !thread.isAlive();
                    }
                } catch (InterruptedException cause) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
