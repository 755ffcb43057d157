// SPDX-License-Identifier: Apache-2.0
// Picks each row's token from its logits: one block of 1024 threads a row, at most 4194304 tokens.
// Compiled by compile.sh to sample.ptx, which is what ships.
//
// The rules are those of the host's Sampler: bias, enders, penalties, temperature; then min_p,
// top_k and top_p cut. A logit that is not a finite number is never picked. Two things differ:
// - The draw walks the kept tokens by rising id. The host walks them by rank where top_k or top_p
//   cut. One random number may then give another token there; the probabilities are the same.
// - A weight is a whole number of 2^-40 of the largest one. A token less likely than half of that
//   is never drawn.
//
// The same row gives the same token, whatever the other rows are. Weights are whole numbers, so
// that their sum does not depend on an order. Their power of two is computed here, operation by
// operation, so that every GPU gives the same bits.
//
// Two rows may not share a row of logits: biases and enders are written into it.

#include "sample_draw.cuh"

// SHORT as visit says.
template <bool SHORT>
__device__ __noinline__ u64 best_of(const Row& row) {
    float most = -INFINITY;
    unsigned best = 0;
    visit_all<IN_FLIGHT, SHORT>(row, [&](float value, unsigned id) {
        if (value > most && value <= FLT_MAX) {
            most = value;
            best = id;
        }
    });
    const unsigned key = key_of(most);
    return key == 0 ? 0 : (u64) key << 32 | (unsigned) ~best;
}

// This thread's best token: its key, and below it the inverse of its id; 0 if it has none.
static __device__ u64 thread_best(const Row& row) {
    return row.counts == nullptr ? best_of<true>(row) : best_of<false>(row);
}

// Writes a row's alternatives; the logarithm of the sum of e to each logit.
__device__ __noinline__ double alternatives(
        const Row& raw, float most, u64 best, Picked* picked) {
    const int count = min(raw.how->logprobs, MOST_TOPS);
    const Scale scale = Scale::of(most, 1);
    Kept kept = {raw, {}, -1};
    if (count > 0) {
        bound_first(kept, count, best);
    }
    const float bound = kept.cut.value;
    Kept::begin();
    __syncthreads();
    u64 sum = 0;
    visit_all<IN_FLIGHT, false>(raw, [&](float value, unsigned id) {
        if (value <= FLT_MAX && value >= -FLT_MAX) {
            sum += scale.weight(value);
            if (count > 0 && value >= bound) {
                Kept::put(value, id);
            }
        }
    });
    kept.end();
    u64 total;
    sum_before(sum, total);
    const double norm = most + log((double) total / ONE);
    if (count == 0) {
        return norm;
    }
    keep_first(kept, count);
    Kept::begin();
    __syncthreads();
    kept.each([&](float value, unsigned id) {
        shared.tops[atomicAdd(&shared.size, 1u)] = {value, id};
    });
    __syncthreads();
    const unsigned size = shared.size;
    if (threadIdx.x < size) {
        const Entry own = shared.tops[threadIdx.x];
        int rank = 0;
        for (unsigned i = 0; i < size; i++) {
            const Entry other = shared.tops[i];
            rank += other.value > own.value || (other.value == own.value && other.id < own.id);
        }
        picked->topTokens[rank] = own.id;
        picked->topLogprobs[rank] = (float) (own.value - norm);
    }
    if (threadIdx.x == 0) {
        picked->tops = size;
    }
    return norm;
}

// Writes biases and enders into the logits.
static __device__ void change(const Row& row) {
    const RowSampling* how = row.how;
    Bias* biases = (Bias*) how->biases;
    for (int i = threadIdx.x; i < how->nBias; i += THREADS) {
        const int token = biases[i].token;
        if (token >= 0 && token < row.vocab) {
            const float logit = row.logits[token];
            biases[i].raw = logit;
            row.logits[token] = __fadd_rn(logit, biases[i].bias);
        }
    }
    __syncthreads();
    const Ender* enders = (const Ender*) how->enders;
    for (int i = threadIdx.x; i < how->nEnders; i += THREADS) {
        const int token = enders[i].token;
        if (token >= 0 && token < row.vocab) {
            row.logits[token] = -INFINITY;
        }
    }
    __syncthreads();
}

// The picked token's logit before all changes: it is no ender.
static __device__ float raw_of(const Row& row, int token) {
    const RowSampling* how = row.how;
    const Bias* biases = (const Bias*) how->biases;
    if (threadIdx.x == 0) {
        shared.value = row.logits[token];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < how->nBias; i += THREADS) {
        if (biases[i].token == token) {
            shared.value = biases[i].raw;
        }
    }
    __syncthreads();
    return shared.value;
}

extern "C" __global__ void __launch_bounds__(THREADS) sample(
        float* logits, int vocab, const RowSampling* rows, int* lastTokens, Picked* picked) {
    const RowSampling* how = rows + blockIdx.x;
    picked += blockIdx.x;
    if (how->slot < 0) {
        return;
    }
    float* own = logits + (size_t) how->logitsRow * vocab;
    int* counts = (int*) how->counts;
    const bool aligned = (((size_t) own | (size_t) counts) & 15) == 0;
    const Row raw = {own, nullptr, how, vocab, vocab / 4, aligned};
    const Row row = {own, counts, how, vocab, vocab / 4, aligned};
    const bool changed = counts != nullptr || how->nBias > 0 || how->nEnders > 0;
    u64 mine = 0;
    u64 best = 0;
    double norm = 0;
    if (threadIdx.x == 0) {
        picked->tops = 0;
    }
    if (how->logprobs >= 0) {
        mine = thread_best(raw);
        best = largest(mine);
        norm = best == 0 ? 0 : alternatives(raw, value_of(best >> 32), mine, picked);
    }
    if (changed) {
        change(row);
    }
    if (changed || how->logprobs < 0) {
        mine = thread_best(row);
        best = largest(mine);
    }
    const bool greedy = how->temperature == 0 || how->topK == 1;
    const int token = best == 0 ? -1
                    : greedy    ? (int) ~(unsigned) best
                                : draw(row, value_of(best >> 32), mine);
    const bool told = how->logprobs >= 0 && token >= 0;
    const float logprob = told ? (float) (raw_of(row, token) - norm) : 0;
    if (threadIdx.x == 0) {
        picked->token = token;
        picked->logprob = logprob;
        if (token >= 0) {
            lastTokens[how->slot] = token;
            if (counts != nullptr) {
                counts[token]++;
            }
        }
    }
}
