// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.body;

import io.kvlink.http.FairTasks;
import io.kvlink.proxy.threads.ProxyThreads;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes prefill bodies away from the event loops, which a large one would hold up. As many threads
 * {@code kv-proxy-body} as there are event loops, and one for small bodies; clients take turns. At
 * most {@value #MAX_WAITING} bodies wait, half of them of one client.
 */
public final class BodyThreads implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(BodyThreads.class);
    private static final int MAX_WAITING = 2048;

    /** Result of reading a client's body. */
    public sealed interface Outcome permits Prepared, NotJson, Busy {}

    /**
     * A body that is a request.
     *
     * @param prefill what the prefill instance gets
     */
    public record Prepared(PrefillBody.Edited prefill) implements Outcome {}

    /**
     * A body that is no request.
     *
     * @param reason for the client
     */
    public record NotJson(String reason) implements Outcome {}

    /**
     * A body for which there is no room now.
     *
     * @param reason for the client
     */
    public record Busy(String reason) implements Outcome {}

    private final FairTasks tasks;

    public BodyThreads(int threads, ProxyThreads named) {
        tasks =
                new FairTasks(
                        new FairTasks.Room(MAX_WAITING, Long.MAX_VALUE),
                        threads,
                        task -> named.numbered(task, "kv-proxy-body"));
    }

    /**
     * Makes the prefill body; the outcome is told on the executor of the caller's choice.
     *
     * @param client whose body it is
     */
    public void prepare(String client, byte[] body, Executor teller, Consumer<Outcome> onOutcome) {
        if (!tasks.offer(client, body.length, () -> tell(outcome(body), teller, onOutcome))) {
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
        tasks.close();
    }
}
