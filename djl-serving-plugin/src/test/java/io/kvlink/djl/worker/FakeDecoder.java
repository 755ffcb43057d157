// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.Picks;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A decoder without a model: an answer's next token is a number made of all tokens before it, its
 * seed, and how many were drawn. It computes a call when its picks are awaited, and notes who
 * breaks the port's contract meanwhile.
 */
final class FakeDecoder implements Decoder {

    /** A call with this token is refused before anything is done. */
    static final int REFUSED = 0;

    /** A call with this token breaks as it is enqueued, after all pickers have drawn. */
    static final int BROKEN = 1;

    /** A computation with this token fails. */
    static final int POISON = 2;

    /** Seed for which there is no picker. */
    static final long SCARCE = -7;

    final FakeMemory memory;
    // Of each call how many rows, and how many chunks. Read when the worker rests.
    final List<Integer> batches = new CopyOnWriteArrayList<>();
    final List<Integer> prefills = new CopyOnWriteArrayList<>();
    volatile @Nullable String lost;
    volatile int deepest;
    // Another token that is poison.
    volatile int poison = POISON;
    private final boolean overlaps;
    private final int vocabulary;
    private final int maxBatch;
    private final Deque<Enqueued> inFlight = new ArrayDeque<>();
    private int pickers;

    FakeDecoder(boolean overlaps, int vocabulary, int blocks, int maxBatch) {
        this.overlaps = overlaps;
        this.vocabulary = vocabulary;
        this.memory = new FakeMemory(blocks);
        this.maxBatch = maxBatch;
    }

    /** An answer as it is without a worker, up to its first ender included. */
    static List<Integer> answer(
            int[] prompt, int count, long seed, int[] enders, int minTokens, int vocabulary) {
        List<Integer> all = new ArrayList<>(Arrays.stream(prompt).boxed().toList());
        List<Integer> answer = new ArrayList<>();
        boolean ended = false;
        while (answer.size() < count && !ended) {
            boolean mayEnd = answer.size() + 1 >= minTokens;
            int token = next(all, seed, answer.size(), mayEnd ? new int[0] : enders, vocabulary);
            all.add(token);
            answer.add(token);
            ended = IntStream.of(enders).anyMatch(ender -> ender == token);
        }
        return answer;
    }

    private static int next(
            List<Integer> before, long seed, int drawn, int[] forbidden, int vocabulary) {
        long number = 31 * seed + drawn;
        for (int token : before) {
            number = number * 6364136223846793005L + token + 1;
        }
        int found = 3 + (int) Long.remainderUnsigned(number >>> 17, vocabulary - 3);
        while (contains(forbidden, found)) {
            found = found + 1 == vocabulary ? 3 : found + 1;
        }
        return found;
    }

    private static boolean contains(int[] tokens, int wanted) {
        return IntStream.of(tokens).anyMatch(token -> token == wanted);
    }

    private final class Picker implements TokenPicker {
        private final long seed;
        private final int[] enders;
        private int drawn;
        private int last = FakeMemory.NOTHING;
        private int flying;
        private boolean closed;

        private Picker(long seed, int[] enders) {
            this.seed = seed;
            this.enders = enders;
        }

        private SampledToken pick(List<Integer> before, boolean mayEnd) {
            memory.require(!closed, "picked after the picker was closed");
            last = next(before, seed, drawn++, mayEnd ? new int[0] : enders, vocabulary);
            return new SampledToken(last);
        }

        @Override
        public void accept(int token) {
            drawn++;
            last = token;
        }

        @Override
        public void close() {
            memory.require(!closed, "picker closed twice");
            memory.require(flying == 0, "picker closed in flight");
            closed = true;
            pickers--;
        }
    }

    @SuppressWarnings("ArrayRecordComponent") // Passed on, never compared.
    private record Part(
            FakeMemory.Run run, int position, int[] tokens, @Nullable Picker picker, boolean end) {

        int lastToken() {
            int token = tokens[tokens.length - 1];
            return token == DecodeRow.PICKED && picker != null ? picker.last : token;
        }
    }

    private final class Enqueued implements Picks {
        private final List<Part> parts;

        private Enqueued(List<Part> parts) {
            this.parts = parts;
        }

        @Override
        public List<@Nullable SampledToken> await() {
            memory.require(inFlight.peek() == this, "awaited out of turn");
            inFlight.remove(this);
            for (Part part : parts) {
                memory.onAwaited(part.run);
                if (part.picker != null) {
                    part.picker.flying--;
                }
            }
            for (Part part : parts) {
                if (contains(part.tokens, POISON) || part.lastToken() == poison) {
                    parts.forEach(each -> each.run.spoiled = true);
                    throw new IllegalStateException("poisoned");
                }
            }
            return new ArrayList<>(parts.stream().map(this::compute).toList());
        }

        private @Nullable SampledToken compute(Part part) {
            for (int i = 0; i < part.tokens.length; i++) {
                int token = part.tokens[i];
                part.run.put(
                        part.position + i,
                        token == DecodeRow.PICKED && part.picker != null
                                ? part.picker.last
                                : token);
            }
            if (part.picker == null) {
                return null;
            }
            List<Integer> before = new ArrayList<>();
            for (int position = 0; position < part.position + part.tokens.length; position++) {
                int token = part.run.get(position);
                memory.require(
                        token != FakeMemory.NOTHING || part.run.spoiled,
                        "KV of position=%d is missing".formatted(position));
                before.add(token);
            }
            return part.picker.pick(before, part.end);
        }
    }

    private Picks enqueue(List<Part> parts) {
        if (parts.stream().anyMatch(part -> contains(part.tokens, REFUSED))) {
            throw new IllegalArgumentException("refused");
        }
        if (parts.stream().anyMatch(part -> contains(part.tokens, BROKEN))) {
            parts.stream()
                    .map(Part::picker)
                    .filter(Objects::nonNull)
                    .forEach(picker -> picker.drawn++);
            throw new IllegalStateException("broken");
        }
        for (Part part : parts) {
            FakeMemory.Run run = part.run;
            memory.require(run.held(), "computed after its release");
            memory.require(
                    part.position == run.filled,
                    "position=%d filled=%d".formatted(part.position, run.filled));
            run.filled += part.tokens.length;
            memory.require(run.filled <= run.capacity(), "computed beyond its slots");
            memory.onEnqueued(run);
            if (part.picker != null) {
                memory.require(!part.picker.closed, "computed with a closed picker");
                part.picker.flying++;
            }
        }
        Enqueued enqueued = new Enqueued(parts);
        inFlight.add(enqueued);
        deepest = Math.max(deepest, inFlight.size());
        if (overlaps) {
            return enqueued;
        }
        try {
            List<@Nullable SampledToken> picked = enqueued.await();
            return () -> picked;
        } catch (IllegalStateException cause) {
            // It may be asked for each of them again.
            parts.forEach(part -> part.run.filled -= part.tokens.length);
            throw cause;
        }
    }

    @Override
    public Picks prefill(List<PromptChunk> chunks, LayerHook hook) {
        memory.require(chunks.size() <= maxBatch, "chunks=" + chunks.size());
        prefills.add(chunks.size());
        return enqueue(
                chunks.stream()
                        .map(
                                chunk ->
                                        new Part(
                                                run(chunk.slots()),
                                                chunk.position(),
                                                chunk.tokens().clone(),
                                                (Picker) chunk.picker(),
                                                chunk.mayEnd()))
                        .toList());
    }

    @Override
    public Picks decode(List<DecodeRow> rows, LayerHook hook) {
        memory.require(rows.size() <= maxBatch, "rows=" + rows.size());
        rows.forEach(this::requirePicker);
        batches.add(rows.size());
        return enqueue(
                rows.stream()
                        .map(
                                row ->
                                        new Part(
                                                run(row.slots()),
                                                row.position(),
                                                new int[] {row.token()},
                                                (Picker) row.picker(),
                                                row.mayEnd()))
                        .toList());
    }

    private void requirePicker(DecodeRow row) {
        if (row.token() == DecodeRow.PICKED && row.picker() == null) {
            memory.require(false, "a picked token without a picker");
            throw new IllegalArgumentException("position=" + row.position() + " picker=null");
        }
    }

    private static FakeMemory.Run run(KvSlots slots) {
        return (FakeMemory.Run) slots;
    }

    @Override
    public KvMemory memory() {
        return memory;
    }

    @Override
    public int maxBatch() {
        return maxBatch;
    }

    @Override
    public int maxPrefill() {
        return 1 << 16;
    }

    @Override
    public boolean overlaps() {
        return overlaps;
    }

    @Override
    public TokenPicker newPicker(SamplingParams params, int[] promptTokens, int[] enders) {
        if (params.seed() == SCARCE) {
            throw new IllegalStateException("no memory for a picker");
        }
        pickers++;
        return new Picker(params.seed(), enders.clone());
    }

    @Override
    public Optional<String> lost() {
        return Optional.ofNullable(lost);
    }

    @Override
    public void close() {
        memory.require(inFlight.isEmpty(), "closed with calls in flight");
        memory.require(pickers == 0, "closed with pickers=" + pickers);
        memory.require(memory.usedBlocks() == 0, "closed with blocks=" + memory.usedBlocks());
    }
}
