// SPDX-License-Identifier: Apache-2.0
// Looks at a row of logits, and the tokens of it that a cut keeps.
#pragma once

#include "sample_block.cuh"

constexpr int IN_FLIGHT = 4; // Quads that a thread asks for before it looks at one.

// One row of logits, read four at a time. Penalties are applied with each look at it.
struct Row {
    float* logits;
    const int* counts; // Or null.
    const RowSampling* how;
    int vocab;
    int quads; // Whole ones.
    bool aligned;
};

// Keeps the tokens above a logit, and of those that have it the ones up to an id.
struct Cut {
    float value = -FLT_MAX;
    unsigned id = ANY_ID;
    float end = INFINITY; // Logits of it and above are not kept.

    __device__ bool keeps(float v, unsigned token) const {
        return v < end && (v > value || (v == value && token <= id));
    }
};

__device__ __noinline__ float penalised(float logit, int count, const RowSampling* how) {
    if (count == 0 || !(fabsf(logit) <= FLT_MAX)) {
        return logit;
    }
    const int answered = count & 0x3fffffff;
    const double factor = how->repetition;
    double value = logit > 0 ? logit / factor : logit * factor;
    value = __dsub_rn(value, __dmul_rn(answered, (double) how->frequency));
    value = __dsub_rn(value, answered > 0 ? (double) how->presence : 0);
    return (float) fmax(-(double) FLT_MAX, fmin((double) FLT_MAX, value));
}

static __device__ float value_at(const Row& row, int id) {
    const float logit = row.logits[id];
    return row.counts == nullptr ? logit : penalised(logit, row.counts[id], row.how);
}

static __device__ float4 logits_of(const Row& row, int quad) {
    if (row.aligned) {
        return ((const float4*) row.logits)[quad];
    }
    const float* from = row.logits + 4 * quad;
    return make_float4(from[0], from[1], from[2], from[3]);
}

static __device__ int4 counts_of(const Row& row, int quad) {
    if (row.aligned) {
        return ((const int4*) row.counts)[quad];
    }
    const int* from = row.counts + 4 * quad;
    return make_int4(from[0], from[1], from[2], from[3]);
}

__device__ __noinline__ float4 penalised(const Row& row, int quad, float4 logits) {
    const int4 counts = counts_of(row, quad);
    if ((counts.x | counts.y | counts.z | counts.w) == 0) {
        return logits;
    }
    return make_float4(
            penalised(logits.x, counts.x, row.how),
            penalised(logits.y, counts.y, row.how),
            penalised(logits.z, counts.z, row.how),
            penalised(logits.w, counts.w, row.how));
}

// Calls look(value, id) for the quads from..end in steps. A thread sees its tokens by rising id.
// It asks for N quads at once. SHORT is for a short look at a row without counts: all is unrolled.
template <int N, bool SHORT, class Look>
static __device__ void visit(const Row& of, int from, int end, int step, Look look) {
    const Row row = of; // In registers, as the cuts below: calls have put them into memory.
    const float none = -INFINITY;
    for (int quad = from; quad < end; quad += N * step) {
        float4 v[N];
#pragma unroll
        for (int i = 0; i < N; i++) {
            const bool there = quad + i * step < end;
            v[i] = there ? logits_of(row, quad + i * step)
                         : make_float4(none, none, none, none);
        }
#pragma unroll(SHORT ? N : 1)
        for (int i = 0; i < N; i++) {
            if (!SHORT && row.counts != nullptr && quad + i * step < end) {
                v[0] = penalised(row, quad + i * step, v[0]);
            }
            const unsigned id = 4u * (quad + i * step);
            look(v[0].x, id);
            look(v[0].y, id + 1);
            look(v[0].z, id + 2);
            look(v[0].w, id + 3);
#pragma unroll
            for (int next = 1; next < N; next++) {
                v[next - 1] = v[next];
            }
        }
    }
}

// The whole row, neighbouring threads beside each other.
template <int N, bool SHORT, class Look>
static __device__ void visit_all(const Row& row, Look look) {
    visit<N, SHORT>(row, threadIdx.x, row.quads, THREADS, look);
    const int id = 4 * row.quads + threadIdx.x;
    if (id < row.vocab) {
        look(value_at(row, id), (unsigned) id);
    }
}

// First token of a warp's part of the row; that of the part behind the last one is the end.
static __device__ int part(const Row& row, int warp) {
    const int quads = (row.quads + WARPS - 1) / WARPS;
    return warp == WARPS ? row.vocab : 4 * min(warp * quads, row.quads);
}

// The row in parts, one a warp.
template <class Look>
static __device__ void visit_part(const Row& row, Look look) {
    const int warp = threadIdx.x / WARP;
    const int lane = threadIdx.x % WARP;
    const int end = min(part(row, warp + 1) / 4, row.quads);
    visit<IN_FLIGHT, false>(row, part(row, warp) / 4 + lane, end, WARP, look);
    const int id = 4 * row.quads + lane;
    if (warp == WARPS - 1 && id < row.vocab) {
        look(value_at(row, id), (unsigned) id);
    }
}

// Tokens that a cut keeps, in shared memory if they fit there, else in the row.
struct Kept {
    const Row& row;
    Cut cut;
    int size; // In shared memory, or -1.

    template <class Look>
    __device__ void each_shared(Look look) const {
        const Cut cut = this->cut;
        for (int i = threadIdx.x; i < size; i += THREADS) {
            const Entry entry = shared.kept[i];
            if (cut.keeps(entry.value, entry.id)) {
                look(entry.value, entry.id);
            }
        }
    }

    template <class Look>
    __device__ void each(Look look) const {
        if (size >= 0) {
            each_shared(look);
            return;
        }
        const Cut cut = this->cut;
        visit_all<1, false>(row, [&](float value, unsigned id) {
            if (cut.keeps(value, id)) {
                look(value, id);
            }
        });
    }

    // The largest of two bounds holds.
    __device__ void raise(float value) {
        if (value > cut.value) {
            cut.value = value;
            cut.id = ANY_ID;
        }
    }

    // Between them stands a barrier.
    __device__ static void begin() {
        if (threadIdx.x == 0) {
            shared.size = 0;
        }
    }

    // Counts on only until it is clear that they don't fit.
    __device__ static void put(float value, unsigned id) {
        if (*(volatile unsigned*) &shared.size <= CAPACITY) {
            const unsigned at = atomicAdd(&shared.size, 1u);
            if (at < CAPACITY) {
                shared.kept[at] = {value, id};
            }
        }
    }

    __device__ void end() {
        __syncthreads();
        size = shared.size <= CAPACITY ? (int) shared.size : -1;
        __syncthreads();
    }

    __device__ __noinline__ void gather() {
        const Cut cut = this->cut;
        begin();
        __syncthreads();
        visit_all<IN_FLIGHT, false>(row, [&](float value, unsigned id) {
            if (cut.keeps(value, id)) {
                put(value, id);
            }
        });
        end();
    }
};
