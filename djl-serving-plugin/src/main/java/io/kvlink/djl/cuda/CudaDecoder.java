// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.CudaException;
import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.Picks;
import io.kvlink.djl.engine.PromptChunk;
import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A decoder on a CUDA device, of kernels of its own and cuBLAS. A step of decodes is one launch of
 * a graph. Tokens are picked on the device, and calls return before the work is done. All is
 * enqueued on one stream. The thread that opened it makes all calls but {@link #lost}, {@link
 * #memory} and the limits.
 */
final class CudaDecoder implements Decoder {
    private final ModelConfig config;
    private final CudaResources resources;
    private final int maxBatch;
    private final int maxPrefill;
    private volatile @Nullable String lost;

    CudaDecoder(ModelConfig config, CudaResources resources, int maxBatch, int maxPrefill) {
        this.config = config;
        this.resources = resources;
        this.maxBatch = maxBatch;
        this.maxPrefill = maxPrefill;
        resources.memory().onFailure(this::loses);
    }

    @Override
    public KvMemory memory() {
        return resources.memory();
    }

    @Override
    public int maxBatch() {
        return maxBatch;
    }

    @Override
    public int maxPrefill() {
        return maxPrefill;
    }

    @Override
    public boolean overlaps() {
        return true;
    }

    @Override
    public TokenPicker newPicker(SamplingParams params, int[] promptTokens, int[] enders) {
        return guarded(() -> resources.pickers().make(params, promptTokens, enders));
    }

    @Override
    public Picks prefill(List<PromptChunk> chunks, LayerHook hook) {
        requireCount("chunks", chunks.size(), maxBatch);
        int tokens = 0;
        for (PromptChunk chunk : chunks) {
            require(chunk.slots().capacity(), chunk.position(), chunk.tokens());
            tokens += chunk.tokens().length;
        }
        requireCount("tokens", tokens, maxPrefill);
        return picks(guarded(() -> resources.prefills().enqueue(chunks, hook)));
    }

    @Override
    public Picks decode(List<DecodeRow> rows, LayerHook hook) {
        requireCount("rows", rows.size(), maxBatch);
        for (DecodeRow row : rows) {
            require(row.slots().capacity(), row.position(), known(row));
        }
        return picks(guarded(() -> resources.decodes().enqueue(rows, hook)));
    }

    /** The row's token; any one if only its picker knows it. */
    private static int known(DecodeRow row) {
        if (row.token() != DecodeRow.PICKED) {
            return row.token();
        }
        if (row.picker() == null) {
            throw new IllegalArgumentException(
                    "position=%d token=PICKED picker=null".formatted(row.position()));
        }
        return 0;
    }

    private Picks picks(Picks enqueued) {
        return new Picks() {
            @Override
            public List<@Nullable SampledToken> await() {
                return guarded(enqueued::await);
            }
        };
    }

    /** Makes a call. If it fails, the device is idle when this throws: blocks may change hands. */
    private <T> T guarded(Supplier<T> call) {
        try {
            return call.get();
        } catch (RuntimeException | Error cause) {
            if (loses(cause)) {
                throw cause;
            }
            try {
                resources.synchronize();
            } catch (CudaException later) {
                cause.addSuppressed(later);
                loses(later);
            }
            throw cause;
        }
    }

    /** Notes it if the device is lost; whether it is. */
    private boolean loses(Throwable cause) {
        if (!(cause instanceof CudaException failure) || !failure.deviceLost()) {
            return false;
        }
        lost = failure.getMessage();
        return true;
    }

    private static void requireCount(String what, int count, int most) {
        if (count < 1 || count > most) {
            throw new IllegalArgumentException("%s=%d allowed=1..%d".formatted(what, count, most));
        }
    }

    private void require(int capacity, int position, int... tokens) {
        int room = Math.min(capacity, config.contextLength()) - position;
        if (position < 0 || tokens.length < 1 || tokens.length > room) {
            throw new IllegalArgumentException(
                    "position=%d tokens=%d slots=%d context=%d"
                            .formatted(position, tokens.length, capacity, config.contextLength()));
        }
        for (int token : tokens) {
            if (token < 0 || token >= config.vocabSize()) {
                throw new IllegalArgumentException(
                        "token=%d vocabulary=%d".formatted(token, config.vocabSize()));
            }
        }
    }

    @Override
    public Optional<String> lost() {
        return Optional.ofNullable(lost);
    }

    @Override
    public void close() {
        resources.close();
    }
}
