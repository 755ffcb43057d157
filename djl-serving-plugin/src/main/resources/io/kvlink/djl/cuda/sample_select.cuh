// SPDX-License-Identifier: Apache-2.0
// Selection by digits of a key, the largest key first.
#pragma once

#include "sample_row.cuh"

constexpr int KEY_BITS = 32;
constexpr int ID_BITS = 22;

struct Found {
    bool reached; // The amount; else the other fields say nothing.
    unsigned key; // The one in which it is reached.
    u64 left; // Of the amount, in that key.
    u64 within; // Amount that the key has.
};

static __device__ void add_to(unsigned digit, u64 amount) {
    const unsigned low = (unsigned) amount;
    const unsigned before = atomicAdd(&shared.low[digit], low);
    const unsigned high = (unsigned) (amount >> 32) + (before + low < before ? 1 : 0);
    if (high != 0) {
        atomicAdd(&shared.high[digit], high);
    }
}

static __device__ u64 amount_of(int digit) {
    return (u64) shared.high[digit] << 32 | shared.low[digit];
}

// Finds the digit in which the amount is reached: into above, within and digit. False if in none.
template <class Wanted>
static __device__ bool find_digit(u64& wanted, bool first, Wanted wanted_of) {
    const int digit = DIGITS - 1 - 2 * threadIdx.x;
    const u64 upper = amount_of(digit);
    const u64 lower = amount_of(digit - 1);
    u64 total;
    const u64 above = sum_before(upper + lower, total);
    wanted = first ? wanted_of(total) : wanted;
    if (above < wanted && wanted <= above + upper + lower) {
        const bool in_upper = wanted <= above + upper;
        shared.digit = in_upper ? digit : digit - 1;
        shared.above = in_upper ? above : above + upper;
        shared.within = in_upper ? upper : lower;
    }
    __syncthreads();
    return wanted <= total;
}

// Adds up amounts by digit, then finds the one in which the wanted amount is reached.
template <class Visit, class Wanted>
static __device__ bool narrow(u64& wanted, bool first, Visit visit, Wanted wanted_of) {
    for (int i = threadIdx.x; i < DIGITS; i += THREADS) {
        shared.low[i] = 0;
        shared.high[i] = 0;
    }
    __syncthreads();
    visit(add_to);
    __syncthreads(); // Also: all have read the last digit before the next one is written.
    return find_digit(wanted, first, wanted_of);
}

// Finds the key in which an amount is reached. visit calls back with keys and amounts;
// wanted_of(total) says the amount, at least 1.
template <int BITS, class Visit, class Wanted>
static __device__ Found select(Visit visit, Wanted wanted_of) {
    static_assert(2 * THREADS == DIGITS, "two digits a thread");
    Found found = {true, 0, 0, 0};
    u64 wanted = 0;
#pragma unroll 1
    for (int high = BITS, low; high > 0; high = low) {
        low = max(high - DIGIT_BITS, 0);
        const unsigned mask = (1u << (high - low)) - 1;
        const auto digits = [&](auto add) {
            visit([&](unsigned key, u64 amount) {
                if (high == BITS || key >> high == found.key >> high) {
                    add(key >> low & mask, amount);
                }
            });
        };
        if (!narrow(wanted, high == BITS, digits, wanted_of)) {
            found.reached = false;
            return found;
        }
        wanted -= shared.above;
        found.key |= shared.digit << low;
        found.within = shared.within;
    }
    found.left = wanted;
    return found;
}

// Cuts behind the token in which an amount is reached, where each of its logit has the same amount.
__device__ __noinline__ void cut_behind(Kept& kept, const Found& found, u64 amount) {
    const u64 equals = (found.left + amount - 1) / amount;
    Cut cut = kept.cut; // An earlier cut among the same equals holds.
    if (value_of(found.key) > cut.value) {
        cut.value = value_of(found.key);
        cut.id = ANY_ID;
    }
    if (equals * amount < found.within) {
        const unsigned mask = (1u << ID_BITS) - 1;
        const Found last = select<ID_BITS>(
                [&](auto add) {
                    kept.each([&](float value, unsigned id) {
                        if (value == cut.value) {
                            add(~id & mask, 1);
                        }
                    });
                },
                [&](u64) { return equals; });
        cut.id = ~last.key & mask;
    }
    kept.cut = cut;
}

// Keeps the first ones in the order: by falling logit, then by rising id.
__device__ __noinline__ void keep_first(Kept& kept, u64 count) {
    const Found found = select<KEY_BITS>(
            [&](auto add) {
                kept.each([&](float value, unsigned) { add(key_of(value), 1); });
            },
            [&](u64) { return count; });
    if (found.reached) {
        cut_behind(kept, found, 1);
    }
}

// Bounds the first ones by each thread's largest logit: so many threads, so many tokens at least.
__device__ __noinline__ void bound_first(Kept& kept, int count, u64 thread_best) {
    const unsigned key = (unsigned) (thread_best >> 32);
    const Found found = select<KEY_BITS>(
            [&](auto add) {
                if (key != 0) {
                    add(key, 1);
                }
            },
            [&](u64) { return (u64) count; });
    if (found.reached) {
        kept.raise(value_of(found.key));
    }
}
