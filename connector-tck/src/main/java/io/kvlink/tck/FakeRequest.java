// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** A fake engine's book-keeping for one request. Owned by its engine. */
public final class FakeRequest {

    /** Progress of the request in the engine. */
    enum State {
        /** No blocks yet. */
        WAITING,
        /** The blocks fill in the background. */
        LOADING,
        /** Takes part in steps until its prompt is computed. */
        RUNNING,
        /** The engine is done with it. */
        ENDED
    }

    /** Reason of the end. */
    enum Ending {
        /** The request hasn't ended. */
        NONE,
        /** The whole prompt was computed here. */
        COMPUTED,
        /** KV was loaded, and every byte was right. */
        LOADED,
        /** The connector said that KV won't come. */
        FAILED,
        /** The test took it away. */
        LEFT
    }

    final KvRequest kv;
    final List<TransferOutcome> sent = new ArrayList<>();
    final List<TransferOutcome> loaded = new ArrayList<>();
    final List<TransferOutcome> failedLoads = new ArrayList<>();
    int tokensPerStep = Integer.MAX_VALUE;
    // Most tokens that the engine loads, whatever is offered.
    int acceptsAtMost = Integer.MAX_VALUE;
    // Tokens of the head that the engine computed to other bits than the peer.
    int ownHead;
    // Nothing may be written behind what the engine accepts.
    boolean keepsTheRest;
    // What the engine attaches when the prompt is computed, and what came with its KV.
    Optional<byte[]> attaches = Optional.empty();
    Optional<byte[]> attachment = Optional.empty();
    private Optional<LoadMoment> breaksAt = Optional.empty();
    private Runnable breaker = () -> {};
    // The test keeps it out of the steps.
    boolean held;
    State state = State.WAITING;
    Ending ending = Ending.NONE;
    Optional<LoadDecision> decision = Optional.empty();
    BlockTable blocks = BlockTable.of();
    int computed;
    int loading;
    boolean loadsInStep;
    boolean connectorOwns;
    boolean released = true;
    private long[] prefixes = {};
    // Looks of attention during the step.
    final List<Supplier<String>> attended = new ArrayList<>();

    FakeRequest(KvRequest kv) {
        this.kv = kv;
    }

    /** The request, as the connector knows it. */
    public KvRequest kv() {
        return kv;
    }

    /** Blocks of the request; none while it waits. */
    public BlockTable blocks() {
        return blocks;
    }

    /** Returns whether the engine is done with it. */
    public boolean ended() {
        return state == State.ENDED;
    }

    /** Returns whether the engine has its blocks back, or it never had any. */
    public boolean released() {
        return released;
    }

    /** Outcomes that the connector has reported: sent, loaded and failed ones. */
    public List<TransferOutcome> outcomes() {
        List<TransferOutcome> all = new ArrayList<>(sent);
        all.addAll(loaded);
        all.addAll(failedLoads);
        return all;
    }

    /** Runs something once, when the request's load has come to a moment. */
    void breakAt(LoadMoment moment, Runnable toDo) {
        breaksAt = Optional.of(moment);
        breaker = toDo;
    }

    void onLoadAt(LoadMoment moment) {
        if (breaksAt.filter(moment::equals).isPresent()
                && (loadsInStep || state == State.LOADING)) {
            breaksAt = Optional.empty();
            breaker.run();
        }
    }

    // For each position a number that follows from all tokens up to it.
    long[] prefixes() {
        if (prefixes.length == 0) {
            prefixes = KvPattern.prefixes(kv.promptTokens());
        }
        return prefixes;
    }

    /** Share of the request in the next step. */
    StepPlan.Entry nextEntry() {
        int left = promptTokens() - computed;
        return StepPlan.entry(kv, blocks, computed, Math.min(left, tokensPerStep));
    }

    /** Reason why an offer is too large or too small; empty if it is neither. */
    String complaint(LoadDecision.Load offer) {
        int most = promptTokens() - (attachment.isPresent() ? 0 : 1);
        int end = computed + offer.tokens();
        if (end > most) {
            return "the prompt's last token is computed here unless something is attached: ";
        }
        boolean part = attachment.isPresent() && end < most;
        return part ? "what is attached is for the whole prompt: " : "";
    }

    /** Length of its prompt. */
    public int promptTokens() {
        return kv.promptTokens().length;
    }

    /** All that the connector said about failures, for assertions. */
    public List<String> failures() {
        List<String> failures = new ArrayList<>();
        if (decision.orElse(LoadDecision.NOTHING) instanceof LoadDecision.Failed failed) {
            failures.add(failed.error() + " " + failed.detail());
        }
        for (TransferOutcome outcome : outcomes()) {
            outcome.failure().ifPresent(error -> failures.add(error + " " + outcome.detail()));
        }
        return failures;
    }

    @Override
    public String toString() {
        return "%s[state=%s ending=%s decision=%s computed=%d/%d sent=%d loaded=%d failed=%s]"
                .formatted(
                        kv.id(),
                        state,
                        ending,
                        decision,
                        computed,
                        promptTokens(),
                        sent.size(),
                        loaded.size(),
                        failures());
    }
}
