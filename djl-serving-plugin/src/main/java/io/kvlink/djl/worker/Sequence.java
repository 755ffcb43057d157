// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.worker.config.ChunkSizes;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.StepPlan;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One prompt's way through the worker: its place in the KV memory and how far it is. Belongs to the
 * scheduler's thread, but for {@link #cancel}. Owns its slots until {@link #takeSlots}.
 */
final class Sequence implements Generation {

    private final KvRequest kv;
    private final KnownTokens tokens;
    private final RunningAnswer answer;
    private final int tokenLimit;
    private final long submittedNs;
    private final Runnable wake;

    // Written by any thread, read by the scheduler's.
    private volatile boolean cancelled;

    private Phase phase = Phase.WAITING;
    private @Nullable KvSlots slots;
    private boolean attached;
    private boolean byTokens;
    private boolean fromPeer;
    private boolean admitted;
    // Tokens whose KV is in the slots, or computed by calls in flight.
    private int position;
    private long arrival;
    private int computed;
    private int loaded;
    // Comes with the load of the whole prompt; null if the prompt's last token is computed here.
    private @Nullable SampledToken firstToken;
    private final Transfers transfers = new Transfers();
    private String outcome = "";
    // Units in flight, and how many of them pick a token.
    private int flying;
    private int picking;
    private long loadingSinceNs;

    /**
     * A waiting sequence.
     *
     * @param tokenLimit most tokens of prompt and answer
     * @param wake wakes the scheduler
     */
    Sequence(KvRequest kv, RunningAnswer answer, int tokenLimit, long submittedNs, Runnable wake) {
        this.kv = kv;
        this.tokens = new KnownTokens(kv.promptTokens());
        this.answer = answer;
        this.tokenLimit = tokenLimit;
        this.submittedNs = submittedNs;
        this.wake = wake;
    }

    @Override
    public void cancel() {
        cancelled = true;
        wake.run();
    }

    boolean cancelled() {
        return cancelled;
    }

    KvRequest kv() {
        return kv;
    }

    RunningAnswer answer() {
        return answer;
    }

    Phase phase() {
        return phase;
    }

    /** Number in the order of arrival: the first to come goes first. */
    long arrival() {
        return arrival;
    }

    void onArrival(long number) {
        arrival = number;
    }

    /** Tokens for which it takes slots: what is known of it, and some to grow; never too many. */
    int tokensWith(int growth) {
        int known = Math.max(tokens.count(), position + 1);
        return (int) Math.min(tokenLimit, (long) known + growth);
    }

    /**
     * True if the answer goes on behind the tokens in flight, as far as one can say. A token that
     * was dropped, since the client has left, has no other behind it.
     */
    boolean goesOn() {
        return !cancelled && phase == Phase.DECODE && answer.goesOn(picking);
    }

    /** True if nothing that is computed of the sequence counts any more. */
    boolean ended() {
        return phase == Phase.ENDED || answer.finish() != null;
    }

    /** True if a call that computes a part of the sequence is in flight. */
    boolean flying() {
        return flying > 0;
    }

    /** True if the slots hold the next token too. */
    boolean hasRoom() {
        return position < Objects.requireNonNull(slots).capacity();
    }

    /** Tokens whose KV is in the slots, or on its way there. */
    int position() {
        return position;
    }

    KvSlots slots() {
        return Objects.requireNonNull(slots);
    }

    /** Takes these slots instead of its own, with equal KV. The caller frees the old ones. */
    void onGrown(KvSlots grown) {
        slots = grown;
    }

    long submittedNs() {
        return submittedNs;
    }

    int computed() {
        return computed;
    }

    int loaded() {
        return loaded;
    }

    /** Ends of its load and its save. */
    Transfers transfers() {
        return transfers;
    }

    /** True if the connector knows the sequence: told of its arrival, and not yet of its end. */
    boolean attached() {
        return attached;
    }

    /**
     * The connector is told of its arrival.
     *
     * @param stored whether a store serves it by its tokens, instead of another instance
     */
    void attach(boolean stored) {
        attached = true;
        byTokens = stored;
    }

    void detach() {
        attached = false;
    }

    /** True if a store has what is about to be loaded; the load's decision may have said so. */
    boolean stored(boolean said) {
        fromPeer = !byTokens && !said;
        return !fromPeer;
    }

    /** True the first time: it may get memory more than once. */
    boolean admittedFirst() {
        boolean first = !admitted;
        admitted = true;
        return first;
    }

    /** Takes the first token; the KV of the whole prompt, with which it came, is loaded next. */
    void onFirstToken(SampledToken token) {
        firstToken = token;
    }

    /** True if a step has nothing to compute of the sequence, but only to load. */
    boolean onlyLoads() {
        return firstToken != null;
    }

    /** The first token, now that the KV has come; null if there is none, or it was taken before. */
    @Nullable SampledToken takeFirstToken() {
        SampledToken taken = firstToken;
        firstToken = null;
        return taken;
    }

    /** Takes memory, in which {@code toLoad} tokens are to be loaded. */
    void onSlots(KvSlots given, int toLoad, boolean async, long nowNs) {
        slots = given;
        loaded = toLoad;
        position = toLoad;
        loadingSinceNs = nowNs;
        if (toLoad == 0) {
            onReady();
        } else {
            move(async ? Phase.LOADING : Phase.LOADING_NOW);
        }
    }

    /** The connector didn't say in the load's step how it ended: it will. */
    void onLoadUnconfirmed() {
        position = loaded;
        move(Phase.LOADING);
    }

    long loadingSinceNs() {
        return loadingSinceNs;
    }

    /** The KV of all tokens before the position is in the slots. */
    void onReady() {
        move(position < promptLength() - 1 ? Phase.PREFILL : Phase.DECODE);
    }

    /** The KV didn't come or was given up: all that is known is to be computed. */
    void restart() {
        firstToken = null;
        position = 0;
        computed = 0;
        loaded = 0;
        if (slots == null) {
            if (phase != Phase.WAITING) {
                move(Phase.WAITING);
            }
        } else {
            onReady();
        }
    }

    void end(String how) {
        move(Phase.ENDED);
        outcome = how;
    }

    /** The slots, which the caller owns from now on; null if it has none. */
    @Nullable KvSlots takeSlots() {
        KvSlots taken = slots;
        slots = null;
        return taken;
    }

    /** Tokens of the prompt whose KV isn't there. */
    int promptLeft() {
        return promptLength() - position;
    }

    /**
     * Part in a step's plan. Where bits count, a store may keep whole chunks of prompts only, and
     * those that were computed here: the KV of others depends on where a prompt ends, or on a peer.
     */
    Optional<StepPlan.Entry> planned(WorkUnit unit, ChunkSizes sizes) {
        if (!attached) {
            return Optional.empty();
        }
        StepPlan.Entry entry = StepPlan.entry(kv, slots().blockTable(), position, unit.tokens());
        int end = fromPeer && loaded > 0 && sizes.exact() ? 0 : position + unit.tokens();
        return Optional.of(entry.storableTokens(sizes.storable(end, promptLength())));
    }

    /** True if a connector may load or save its KV. */
    boolean shared() {
        return attached && (byTokens || kv.route().isPresent());
    }

    /** True if another instance may wait for its KV, or send it. */
    boolean hasPeer() {
        return attached && !byTokens && kv.route().isPresent();
    }

    /** True if the next unit is one token, computed as those of the answer are. */
    boolean decodes() {
        return position >= promptLength() - 1;
    }

    /** Part in the next call: at most {@code most} tokens of the prompt, if bits don't count. */
    WorkUnit unit(ChunkSizes sizes, int most) {
        int count = onlyLoads() ? 0 : sizes.next(position, promptLength(), most);
        return new WorkUnit(this, count, position < promptLength() ? count : 0, picks(count));
    }

    private boolean picks(int count) {
        return position + count == tokens.count() + picking;
    }

    /** The next unit of one that {@link #decodes}. */
    DecodeRow row() {
        return new DecodeRow(
                slots(),
                position,
                tokens.at(position),
                picks(1) ? answer.picker() : null,
                answer.mayEnd(picking));
    }

    /** The next unit of one that doesn't decode yet. */
    PromptChunk chunk(WorkUnit unit) {
        return new PromptChunk(
                slots(),
                position,
                tokens.ofPrompt(position, unit.tokens()),
                unit.picks() ? answer.picker() : null,
                answer.mayEnd(picking));
    }

    /** A unit is in flight: the next one begins behind it. */
    void onLaunched(WorkUnit unit) {
        flying++;
        picking += unit.picks() ? 1 : 0;
        position += unit.tokens();
        if (phase == Phase.PREFILL && position >= promptLength() - 1) {
            move(Phase.DECODE);
        }
    }

    /** A unit is no longer in flight. */
    void onLanded(WorkUnit unit) {
        flying--;
        picking -= unit.picks() ? 1 : 0;
    }

    /** A unit counts. */
    void onComputed(WorkUnit unit) {
        computed += unit.prompt();
    }

    /** True if the answer has begun. */
    boolean answering() {
        return tokens.answering();
    }

    /** The answer has one more token. */
    void onToken(int token) {
        tokens.append(token);
    }

    int promptLength() {
        return tokens.promptCount();
    }

    /** Name in log lines. */
    String ids() {
        return "request=%s transfer=%s"
                .formatted(kv.id(), kv.route().map(route -> route.id().toString()).orElse("none"));
    }

    /** All that an operator wants to know of it, as {@code key=value}. */
    String summary(long nowNs) {
        return "%s outcome=%s prompt=%d computed=%d loaded=%d answer=%d %s ttftMs=%d totalMs=%d%s"
                .formatted(
                        ids(),
                        outcome,
                        promptLength(),
                        computed,
                        loaded,
                        answer.tokens(),
                        transfers.words(),
                        answer.tokens() == 0
                                ? -1
                                : (answer.firstTokenNs() - submittedNs) / 1_000_000,
                        (nowNs - submittedNs) / 1_000_000,
                        transfers.why());
    }

    private void move(Phase to) {
        if (!phase.next().contains(to)) {
            throw new IllegalStateException(
                    "request=%s from=%s to=%s".formatted(kv.id(), phase, to));
        }
        phase = to;
    }

    @Override
    public String toString() {
        return "Sequence[" + kv.id() + " " + phase + " at " + position + "]";
    }
}
