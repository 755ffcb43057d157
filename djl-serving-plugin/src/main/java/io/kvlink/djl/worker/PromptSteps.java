// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.worker.config.ChunkSizes;
import io.kvlink.djl.worker.config.WorkerConfig;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the chunks of prompts that are computed between two steps of answers: one, or as many as
 * {@code max_step_tokens} allows. While answers run and bits don't count, they take no longer than
 * {@code prefill_limit_ms}.
 *
 * <p>Chunks go in turns to the prompt that came first, so that none starves, and to the one that
 * has the least left, so that short ones needn't wait for long ones. Scheduler's thread.
 */
final class PromptSteps {

    private final Supplier<List<Sequence>> waiting;
    private final ChunkSizes sizes;
    private final PrefillRate rate;
    private final int maxStepTokens;
    private final long limitNs;
    private final int maxTogether;
    private boolean shortestNext;

    /**
     * Chooses among some prompts.
     *
     * @param waiting prompts of which there is more to compute, now
     * @param maxTogether most chunks of one step
     */
    PromptSteps(
            Supplier<List<Sequence>> waiting,
            PrefillRate rate,
            WorkerConfig config,
            int maxTogether) {
        this.waiting = waiting;
        this.rate = rate;
        this.sizes = config.chunkSizes();
        this.maxStepTokens = config.maxStepTokens();
        this.limitNs = config.prefillLimit().toNanos();
        this.maxTogether = sizes.exact() ? 1 : maxTogether;
    }

    /**
     * Steps of a turn. Each is chosen when the ones before were taken.
     *
     * @param answering whether answers wait for their next tokens
     * @param step computes units together; what it throws is no other step's failure
     */
    boolean run(boolean answering, Predicate<List<WorkUnit>> step) {
        boolean any = false;
        int left = budget(answering);
        List<WorkUnit> units = next(left, false);
        while (!units.isEmpty()) {
            left -= units.stream().mapToInt(WorkUnit::tokens).sum();
            any |= step.test(units);
            units = next(left, true);
        }
        return any;
    }

    private int budget(boolean answering) {
        boolean limited = answering && !sizes.exact() && limitNs > 0;
        int most = sizes.exact() ? maxStepTokens : Math.max(maxStepTokens, sizes.chunk());
        return limited ? Math.min(most, rate.tokensIn(limitNs)) : most;
    }

    /** Units of one step: several only if no connector may load or save in it. */
    private List<WorkUnit> next(int left, boolean any) {
        List<WorkUnit> units = new ArrayList<>();
        List<Sequence> prompts = new ArrayList<>(waiting.get());
        for (int rest = left; units.size() < maxTogether; ) {
            Sequence prompt = first(prompts);
            if (prompt == null || (prompt.shared() && !units.isEmpty())) {
                break;
            }
            WorkUnit unit = prompt.unit(sizes, Math.max(rest, 1));
            boolean begun = any || !units.isEmpty();
            if (begun && !fits(unit, prompt, rest)) {
                break;
            }
            rest -= unit.tokens();
            prompts.remove(prompt);
            units.add(unit);
            shortestNext = !shortestNext;
            if (prompt.shared()) {
                break;
            }
        }
        return units;
    }

    // A few tokens of a long prompt aren't worth a chunk: the call costs as much as for more.
    private boolean fits(WorkUnit unit, Sequence prompt, int rest) {
        boolean cut = unit.tokens() < Math.min(sizes.chunk(), prompt.promptLeft());
        return unit.tokens() <= rest
                && (sizes.exact() || !cut || unit.tokens() >= PrefillRate.LEAST_TOKENS);
    }

    private @Nullable Sequence first(List<Sequence> prompts) {
        Comparator<Sequence> order =
                shortestNext
                        ? Comparator.comparingInt(Sequence::promptLeft)
                        : Comparator.comparingLong(Sequence::arrival);
        return prompts.stream().min(order).orElse(null);
    }
}
