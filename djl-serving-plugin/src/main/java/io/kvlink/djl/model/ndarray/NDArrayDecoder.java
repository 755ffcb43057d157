// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.Picks;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.sampling.SamplingSpace;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A decoder on DJL's PyTorch arrays, for any device that libtorch computes on. Calls return when
 * all is computed; tokens are picked on the host. One thread.
 */
public final class NDArrayDecoder implements Decoder {

    private static final Logger log = LoggerFactory.getLogger(NDArrayDecoder.class);

    /** Token of a row without a finite logit. */
    private static final SampledToken NOTHING = new SampledToken(-1);

    /** Tokens for which there is KV memory if nobody says. */
    private static final int KV_TOKENS = 16_384;

    private final KvCachePool pool;
    private final LlamaModel model;
    private final int maxPrefill;
    private final SamplingSpace space = new SamplingSpace();

    private NDArrayDecoder(KvCachePool pool, LlamaModel model, int maxPrefill) {
        this.pool = pool;
        this.model = model;
        this.maxPrefill = maxPrefill;
    }

    /**
     * Loads a model and allocates its KV memory.
     *
     * @throws io.kvlink.djl.model.config.ModelLoadException if the files don't hold what the
     *     configuration asks for; nothing is left open
     */
    public static NDArrayDecoder open(DecoderSpec spec) {
        KvCachePool pool =
                KvCachePool.open(
                        spec.model(), spec.kvCacheTokens().orElse(KV_TOKENS), spec.device());
        try {
            LlamaModel model =
                    LlamaModel.load(spec.directory(), spec.model(), pool, spec.decoding());
            report(spec.decoding(), model);
            return new NDArrayDecoder(pool, model, spec.prefillChunk());
        } catch (RuntimeException | Error cause) {
            pool.close();
            throw cause;
        }
    }

    private static void report(DecodeSettings decoding, LlamaModel model) {
        log.info(
                "decoder=ndarray decode_batch={} rows={} max_batch={} decode_threads={}"
                        + " packed={}",
                decoding.batch().name().toLowerCase(Locale.ROOT),
                model.batchRows(),
                model.maxBatch(),
                model.decodeThreads(),
                model.packed());
        if (model.rowsTogether() < model.maxBatch()) {
            log.warn(
                    "decode_batch=exact computes at most {} of max_batch={} sequences together on"
                            + " this processor; option.decode_batch=fast computes all",
                    model.rowsTogether(),
                    model.maxBatch());
        }
    }

    @Override
    public KvMemory memory() {
        return pool;
    }

    @Override
    public int maxBatch() {
        return model.maxBatch();
    }

    @Override
    public int maxPrefill() {
        return maxPrefill;
    }

    @Override
    public boolean overlaps() {
        return false;
    }

    @Override
    public TokenPicker newPicker(SamplingParams params, int[] promptTokens, int[] enders) {
        return new HostPicker(params, promptTokens, enders, space);
    }

    @Override
    public Picks prefill(List<PromptChunk> chunks, LayerHook hook) {
        requireAtMost("chunks", chunks.size(), maxBatch());
        requireAtMost("tokens", tokens(chunks), maxPrefill);
        List<LogitsChunk> asked =
                chunks.stream()
                        .map(
                                chunk ->
                                        new LogitsChunk(
                                                chunk.tokens(),
                                                chunk.position(),
                                                run(chunk.slots()),
                                                chunk.picker() != null))
                        .toList();
        List<float @Nullable []> logits = model.prefill(asked, hook);
        List<Wanted> wanted = new ArrayList<>();
        for (int i = 0; i < chunks.size(); i++) {
            wanted.add(new Wanted(chunks.get(i).picker(), chunks.get(i).mayEnd(), logits.get(i)));
        }
        return picked(wanted);
    }

    @Override
    public Picks decode(List<DecodeRow> rows, LayerHook hook) {
        requireAtMost("rows", rows.size(), maxBatch());
        List<LogitsRow> asked =
                rows.stream()
                        .map(
                                row ->
                                        new LogitsRow(
                                                token(row),
                                                row.position(),
                                                run(row.slots()),
                                                row.picker() != null))
                        .toList();
        List<float @Nullable []> logits = model.decode(asked, hook);
        List<Wanted> wanted = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            wanted.add(new Wanted(rows.get(i).picker(), rows.get(i).mayEnd(), logits.get(i)));
        }
        return picked(wanted);
    }

    /** Logits of a row, and how its token is picked; both null if none is wanted. */
    @SuppressWarnings("ArrayRecordComponent") // Passed on, never compared.
    private record Wanted(
            @Nullable TokenPicker picker, boolean mayEnd, float @Nullable [] logits) {}

    /** Picks now; but what that throws isn't the call's to throw, as pickers have drawn. */
    private static Picks picked(List<Wanted> rows) {
        List<@Nullable SampledToken> picked = new ArrayList<>();
        try {
            for (Wanted row : rows) {
                picked.add(
                        row.picker() instanceof HostPicker picker && row.logits() != null
                                ? pick(picker, row.logits(), row.mayEnd())
                                : null);
            }
        } catch (RuntimeException cause) {
            return () -> {
                throw cause;
            };
        }
        return () -> picked;
    }

    private static SampledToken pick(HostPicker picker, float[] logits, boolean mayEnd) {
        for (float logit : logits) {
            if (Float.isFinite(logit)) {
                return picker.pick(logits, mayEnd);
            }
        }
        return NOTHING;
    }

    private static int token(DecodeRow row) {
        if (row.token() != DecodeRow.PICKED) {
            return row.token();
        }
        if (row.picker() instanceof HostPicker picker) {
            return picker.last();
        }
        throw new IllegalArgumentException(
                "position=%d token=PICKED picker=%s".formatted(row.position(), row.picker()));
    }

    private static KvRun run(KvSlots slots) {
        if (slots instanceof KvRun run) {
            return run;
        }
        throw new IllegalArgumentException("slots of another memory: " + slots);
    }

    private static int tokens(List<PromptChunk> chunks) {
        return chunks.stream().mapToInt(chunk -> chunk.tokens().length).sum();
    }

    private static void requireAtMost(String what, int count, int most) {
        if (count < 1 || count > most) {
            throw new IllegalArgumentException("%s=%d allowed=1..%d".formatted(what, count, most));
        }
    }

    @Override
    public Optional<String> lost() {
        return Optional.empty();
    }

    @Override
    public void close() {
        try {
            model.close();
        } finally {
            pool.close();
        }
    }
}
