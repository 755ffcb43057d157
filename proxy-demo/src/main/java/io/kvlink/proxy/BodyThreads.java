// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes prefill bodies away from the event loops, which a large one would hold up. As many threads
 * {@code kv-proxy-body} as there are event loops; at most {@value #MAX_WAITING} bodies wait.
 */
final class BodyThreads implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(BodyThreads.class);
    private static final int MAX_WAITING = 1024;

    /** What became of a client's body. */
    sealed interface Outcome permits Prepared, NotJson, Busy {}

    /**
     * It is a request.
     *
     * @param prefill what the prefill instance gets
     */
    record Prepared(PrefillBody.Edited prefill) implements Outcome {}

    /**
     * It is none.
     *
     * @param reason for the client
     */
    record NotJson(String reason) implements Outcome {}

    /**
     * There is no room for it now.
     *
     * @param reason for the client
     */
    record Busy(String reason) implements Outcome {}

    private final ThreadPoolExecutor executor;

    BodyThreads(int threads, ProxyThreads named) {
        executor =
                new ThreadPoolExecutor(
                        threads,
                        threads,
                        10,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(MAX_WAITING),
                        task -> named.numbered(task, "kv-proxy-body"));
        executor.allowCoreThreadTimeOut(true);
    }

    /** Makes the prefill body; the outcome is told on the executor of the caller's choice. */
    void prepare(byte[] body, Executor teller, Consumer<Outcome> onOutcome) {
        try {
            executor.execute(() -> tell(outcome(body), teller, onOutcome));
        } catch (RejectedExecutionException cause) {
            tell(new Busy("Too many requests wait to be read."), teller, onOutcome);
        }
    }

    private static Outcome outcome(byte[] body) {
        try {
            return new Prepared(PrefillBody.of(body));
        } catch (PrefillBody.NotAnObjectException refused) {
            return new NotJson(String.valueOf(refused.getMessage()));
        } catch (RuntimeException | OutOfMemoryError cause) {
            LOG.warn("bytes={}; no prefill body could be made", body.length, cause);
            return new Busy("The request's body can't be read now.");
        }
    }

    private static void tell(Outcome outcome, Executor teller, Consumer<Outcome> onOutcome) {
        try {
            teller.execute(() -> onOutcome.accept(outcome));
        } catch (RejectedExecutionException cause) {
            LOG.debug("the proxy is ending", cause);
        }
    }

    /** Makes the threads end; {@link ProxyThreads#join} waits for them. */
    @Override
    public void close() {
        executor.shutdownNow();
    }
}
