// SPDX-License-Identifier: Apache-2.0
package io.kvlink.zmq;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * Looks host names up where nobody waits: JeroMQ would do it on the thread that connects. Its one
 * daemon thread, {@code kv-dns}, exists only while there are names to look up. Thread-safe.
 */
public final class NameResolver implements AutoCloseable {

    // A host name can hold neither a colon nor four numbers only.
    private static final Pattern LITERAL = Pattern.compile(".*:.*|[0-9]+(\\.[0-9]+){3}");
    private static final int MAX_LOOKUPS = 1024;

    private final ThreadPoolExecutor executor =
            new ThreadPoolExecutor(
                    1,
                    1,
                    1,
                    TimeUnit.SECONDS,
                    new LinkedBlockingQueue<>(MAX_LOOKUPS),
                    this::thread);

    /** Resolver without a thread until there is a name to look up. */
    public NameResolver() {
        executor.allowCoreThreadTimeOut(true);
    }

    /**
     * Looks a host up.
     *
     * @param host a name or an address
     * @param whenDone run after the result is there, unless it was there at once
     * @return the address as text, at once if that's what it was; fails if there is none
     */
    public CompletableFuture<String> resolve(String host, Runnable whenDone) {
        CompletableFuture<String> found = new CompletableFuture<>();
        if (LITERAL.matcher(host).matches()) {
            found.complete(host);
            return found;
        }
        try {
            executor.execute(
                    () -> {
                        lookUp(host, found);
                        whenDone.run();
                    });
        } catch (RejectedExecutionException cause) {
            found.completeExceptionally(cause);
        }
        return found;
    }

    /** Ends the thread, at the latest when the lookup that it is in returns. */
    @Override
    public void close() {
        executor.shutdownNow();
    }

    private static void lookUp(String host, CompletableFuture<String> found) {
        try {
            found.complete(InetAddress.getByName(host).getHostAddress());
        } catch (UnknownHostException | RuntimeException cause) {
            found.completeExceptionally(cause);
        }
    }

    private Thread thread(Runnable work) {
        Thread thread = new Thread(work, "kv-dns");
        thread.setDaemon(true);
        return thread;
    }
}
