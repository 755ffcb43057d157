// SPDX-License-Identifier: Apache-2.0
// Cuts what min_p, top_k and top_p exclude, then draws.
#pragma once

#include "sample_select.cuh"

// Weight that top_p keeps at least.
static __device__ u64 nucleus(double share, u64 total) {
    const double wanted = ceil(share * (double) total);
    return wanted >= (double) total ? total : wanted < 1 ? 1 : (u64) wanted;
}

// How much lies before the drawn token.
static __device__ u64 drawn(double random, u64 total) {
    const u64 left = (u64) (random * (double) total);
    return left < total ? left : total - 1; // The product may be rounded up.
}

// Cuts what min_p excludes, and what has no weight in any case.
static __device__ void cut_unlikely(Kept& kept, float most, const RowSampling* how) {
    const double lightest = most - WEIGHTLESS * how->temperature;
    kept.raise(lightest > -FLT_MAX ? (float) lightest : -FLT_MAX);
    if (how->minP == 0) {
        return;
    }
    if (threadIdx.x == 0) {
        const double lowest = log(how->minP);
        // By the host's own comparison, since a bound may be rounded to the wrong side.
        unsigned key = key_of(-FLT_MAX);
        for (unsigned above = key_of(most); key < above;) {
            const unsigned middle = key + (above - key) / 2;
            if (((double) value_of(middle) - most) / how->temperature < lowest) {
                key = middle + 1;
            } else {
                above = middle;
            }
        }
        shared.value = value_of(key);
    }
    __syncthreads();
    kept.raise(shared.value);
}

// Draws by rising id from tokens in shared memory.
__device__ __noinline__ int draw_kept(const Kept& kept, Scale scale, double random) {
    const unsigned mask = (1u << ID_BITS) - 1;
    const Found found = select<ID_BITS>(
            [&](auto add) {
                kept.each_shared([&](float value, unsigned id) {
                    add(~id & mask, scale.weight(value));
                });
            },
            [&](u64 total) { return drawn(random, total) + 1; });
    return ~found.key & mask;
}

// Walks through a part of the row until the weight before a token would be more than left.
__device__ __noinline__ int walk(const Kept& kept, Scale scale, int from, u64 left) {
    for (;; from += 4 * THREADS) {
        u64 weights[4];
        u64 sum = 0;
        const int first = from + 4 * threadIdx.x;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int id = first + i;
            const float value = id < kept.row.vocab ? value_at(kept.row, id) : -INFINITY;
            weights[i] = kept.cut.keeps(value, id) ? weight_of(scale, value) : 0;
            sum += weights[i];
        }
        u64 total;
        u64 before = sum_before(sum, total);
        if (before <= left && left < before + sum) {
            int i = 0;
            while (left >= before + weights[i]) {
                before += weights[i++];
            }
            shared.token = first + i;
        }
        if (left < total) {
            break;
        }
        left -= total;
    }
    __syncthreads();
    return shared.token;
}

// Draws by rising id from the row: adds up its parts, and walks through the one that is hit.
__device__ __noinline__ int draw_row(const Kept& kept, Scale scale, double random) {
    const Cut cut = kept.cut;
    u64 sum = 0;
    visit_part(kept.row, [&](float value, unsigned id) {
        if (cut.keeps(value, id)) {
            sum += scale.weight(value);
        }
    });
    u64 total;
    const u64 before = sum_before(sum, total);
    const u64 left = drawn(random, total);
    const u64 part_before = __shfl_sync(ALL_LANES, before, 0);
    if (threadIdx.x % WARP == WARP - 1 && part_before <= left && left < before + sum) {
        shared.segment = threadIdx.x / WARP;
        shared.above = part_before;
    }
    __syncthreads();
    return walk(kept, scale, part(kept.row, shared.segment), left - shared.above);
}

// Lowest logit of a digit or a higher one.
static __device__ float edge(Scale scale, unsigned digit) {
    unsigned key = key_of(-FLT_MAX);
    for (unsigned above = key_of(scale.most); key < above;) {
        const unsigned middle = key + (above - key) / 2;
        if (scale.digit(value_of(middle)) < digit) {
            key = middle + 1;
        } else {
            above = middle;
        }
    }
    return digit < DIGITS ? value_of(key) : INFINITY;
}

// Cuts the row where it reaches an amount: top_k counts, else top_p weighs. The row is looked at as
// a whole for a digit that may hold the border, and then the tokens of that digit only.
__device__ __noinline__ void cut_row(Kept& kept, Scale scale) {
    const RowSampling* how = kept.row.how;
    const bool counts = how->topK > 0;
    const Cut cut = kept.cut;
    u64 left = 0;
    const bool reached = narrow(
            left,
            true,
            [&](auto add) {
                visit_all<IN_FLIGHT, false>(kept.row, [&](float value, unsigned id) {
                    if (cut.keeps(value, id)) {
                        add(scale.digit(value), counts ? 1 : scale.weight(value));
                    }
                });
            },
            [&](u64 total) { return counts ? (u64) how->topK : nucleus(how->topP, total); });
    if (!reached) {
        kept.gather();
        return;
    }
    left -= shared.above;
    if (threadIdx.x < 2) {
        shared.edges[threadIdx.x] = edge(scale, shared.digit + threadIdx.x);
    }
    __syncthreads();
    kept.raise(shared.edges[0]);
    Kept border = {kept.row, kept.cut, -1};
    border.cut.end = shared.edges[1];
    kept.gather();
    border.size = kept.size;
    if (kept.size < 0) {
        border.gather();
    }
    const Found found = select<KEY_BITS>(
            [&](auto add) {
                border.each([&](float value, unsigned) {
                    add(key_of(value), counts ? 1 : weight_of(scale, value));
                });
            },
            [&](u64) { return left; });
    cut_behind(border, found, counts ? 1 : weight_of(scale, value_of(found.key)));
    kept.cut.value = border.cut.value;
    kept.cut.id = border.cut.id;
}

// Cuts by top_p what top_k left.
__device__ __noinline__ void cut_first(Kept& kept, Scale scale) {
    const double share = kept.row.how->topP;
    const Found found = select<KEY_BITS>(
            [&](auto add) {
                kept.each([&](float value, unsigned) {
                    add(key_of(value), weight_of(scale, value));
                });
            },
            [&](u64 total) { return nucleus(share, total); });
    cut_behind(kept, found, weight_of(scale, value_of(found.key)));
}

// Cuts by top_k and top_p. best is this thread's best token.
static __device__ void cut_kept(Kept& kept, Scale scale, u64 best) {
    const RowSampling* how = kept.row.how;
    if (how->topK > 0 && how->topK <= THREADS) {
        bound_first(kept, how->topK, best);
        kept.gather();
        keep_first(kept, how->topK);
    } else if (how->topK > 0 || how->topP != 1) {
        cut_row(kept, scale);
    }
    if (how->topK > 0 && how->topP != 1) {
        cut_first(kept, scale);
    }
}

__device__ __noinline__ int draw(const Row& row, float most, u64 best) {
    const RowSampling* how = row.how;
    const Scale scale = Scale::of(most, how->temperature);
    Kept kept = {row, {}, -1};
    cut_unlikely(kept, most, how);
    cut_kept(kept, scale, best);
    return kept.size >= 0 ? draw_kept(kept, scale, how->random)
                          : draw_row(kept, scale, how->random);
}
