// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.worker.config.ChunkSizes;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLoadFailurePolicy;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * Gives waiting sequences their slots, in the order they came. One whose KV isn't there yet is
 * passed over. One that may start and finds no room is not: those behind it wait, so that a long
 * prompt gets its turn. Slots are for what is known of it and the answer's next tokens; {@link
 * KvGrowth} sees to more. Belongs to the scheduler's thread.
 */
final class Admission {

    private final Requests requests;
    private final KvScheduler kv;
    private final KvMemory memory;
    private final WorkerMetrics metrics;
    private final WorkerConfig config;
    private final KvLoadFailurePolicy policy;
    private final int vocabulary;
    private final LongSupplier clock;
    // Tells requests that a store serves from those that a peer does.
    private final Predicate<KvRequest> byTokens;

    Admission(
            Requests requests,
            WorkerResources resources,
            WorkerMetrics metrics,
            WorkerConfig config,
            LongSupplier clock) {
        this.requests = requests;
        this.kv = resources.kvScheduler();
        this.memory = resources.memory();
        this.metrics = metrics;
        this.config = config;
        this.policy =
                config.transfer()
                        .map(transfer -> transfer.loadFailurePolicy())
                        .orElse(KvLoadFailurePolicy.RECOMPUTE);
        this.vocabulary = resources.model().vocabSize();
        this.clock = clock;
        this.byTokens = resources::servesByTokens;
    }

    /** Takes over what has arrived. */
    void accept(List<Sequence> arrivals) {
        arrivals.forEach(requests::add);
        for (Sequence sequence : arrivals) {
            guarded(
                    sequence,
                    () -> {
                        if (config.transfer().isPresent()) {
                            sequence.attach(byTokens.test(sequence.kv()));
                            kv.onRequestAdded(sequence.kv());
                        }
                    });
        }
    }

    /** Gives slots to whom it can. */
    void admit() {
        for (Sequence sequence : requests.waiting()) {
            if (requests.runningCount() >= config.maxRunning() || !passes(sequence)) {
                return;
            }
        }
    }

    /** Gives loads up that are overdue: the last resort, if the connector didn't. */
    void expireLoads() {
        for (Sequence sequence : requests.running(Phase.LOADING)) {
            if (overdue(sequence.loadingSinceNs())) {
                onLoadFailed(sequence, KvError.DEADLINE, deadlineDetail());
            }
        }
    }

    /** The KV of a sequence won't come: it's computed here, or the request fails. */
    void onLoadFailed(Sequence sequence, KvError error, String detail) {
        note(sequence, error, detail);
        if (policy == KvLoadFailurePolicy.RECOMPUTE) {
            metrics.onRecompute(error);
            requests.restart(sequence);
            return;
        }
        requests.endFailed(
                sequence,
                new GenerationException(
                        GenerationException.Kind.KV_LOAD,
                        "request=%s error=%s(%d) %s; with kv_load_failure_policy=recompute it would be computed here"
                                .formatted(
                                        sequence.kv().id(), error.name(), error.number(), detail)));
    }

    /** Keeps the reason, unless the connector's report has said it. */
    private void note(Sequence sequence, KvError error, String detail) {
        metrics.onLoadFailed(error);
        if (sequence.transfers().load().flatMap(TransferOutcome::failure).isEmpty()) {
            sequence.transfers()
                    .onLoad(
                            TransferOutcome.builder(sequence.kv().id())
                                    .id(sequence.kv().route().map(TransferRoute::id))
                                    .failure(error, detail)
                                    .build());
        }
    }

    /** True if the sequences behind may have their turn. */
    private boolean passes(Sequence sequence) {
        boolean[] room = {true};
        guarded(sequence, () -> room[0] = decide(sequence));
        return room[0];
    }

    /** False if there is no room. */
    private boolean decide(Sequence sequence) {
        LoadDecision decision = decision(sequence);
        if (decision instanceof LoadDecision.AskAgain) {
            return !overdue(sequence.submittedNs())
                    || decideWithout(sequence, KvError.DEADLINE, deadlineDetail());
        }
        if (decision instanceof LoadDecision.Failed failed) {
            return decideWithout(sequence, failed.error(), failed.detail());
        }
        return allocate(sequence, (LoadDecision.Load) decision);
    }

    private boolean decideWithout(Sequence sequence, KvError error, String detail) {
        onLoadFailed(sequence, error, detail);
        return sequence.phase() != Phase.WAITING || allocate(sequence, LoadDecision.NOTHING);
    }

    private boolean allocate(Sequence sequence, LoadDecision.Load load) {
        KvSlots slots = memory.allocate(sequence.tokensWith(config.kvGrowthTokens()));
        if (slots == null) {
            return false;
        }
        int tokens;
        try {
            tokens = accepted(sequence, load);
        } catch (RuntimeException | Error cause) {
            slots.release();
            throw cause;
        }
        sequence.onSlots(slots, tokens, load.async(), clock.getAsLong());
        requests.onSlots(sequence);
        if (sequence.attached()) {
            kv.onBlocksAllocated(sequence.kv(), slots.blockTable(), 0, tokens);
        }
        return true;
    }

    private LoadDecision decision(Sequence sequence) {
        // A prompt of one token has no KV to wait for.
        return sequence.attached() && sequence.kv().transferTokens() > 0
                ? kv.matchedTokens(sequence.kv(), 0)
                : LoadDecision.NOTHING;
    }

    /**
     * Number of tokens to load: all of the prompt, if its answer's first token comes with it. Else
     * all but the last token, or whole chunks, so that the rest is computed with the same bits. A
     * store's end anywhere, so all of them are whole chunks where bits count, and as offered
     * elsewhere.
     */
    private int accepted(Sequence sequence, LoadDecision.Load load) {
        int all = sequence.kv().transferTokens();
        int offered = load.tokens();
        if (offered == 0) {
            return 0;
        }
        if (sequence.stored(load.byTokens())) {
            int most = Math.min(offered, all);
            ChunkSizes sizes = config.chunkSizes();
            return sizes.exact() ? most - most % sizes.chunk() : most;
        }
        if (offered > all) {
            Optional<SampledToken> first =
                    kv.attachment(sequence.kv())
                            .flatMap(
                                    bytes ->
                                            FirstToken.decode(
                                                    bytes,
                                                    sequence.answer().request(),
                                                    vocabulary));
            first.ifPresent(sequence::onFirstToken);
            return first.isPresent() ? offered : all;
        }
        return offered >= all ? all : offered - offered % config.prefillChunk();
    }

    private boolean overdue(long sinceNs) {
        return clock.getAsLong() - sinceNs > config.loadDeadline().toNanos();
    }

    private String deadlineDetail() {
        return "load_deadline_s=" + config.loadDeadline().toMillis() / 1e3;
    }

    /** Makes a call for one request; that request fails if the connector throws. */
    private void guarded(Sequence sequence, Runnable call) {
        try {
            call.run();
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            requests.endFailed(sequence, Failures.internal(sequence, cause));
        }
    }
}
