// SPDX-License-Identifier: Apache-2.0
// Sums of the threads of a block, and its shared memory.
#pragma once

#include "sample_weight.cuh"

constexpr int THREADS = 1024;
constexpr int WARP = 32;
constexpr int WARPS = THREADS / WARP;
constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr unsigned ANY_ID = 0xffffffffu;
constexpr int CAPACITY = 3584; // The block's shared memory stays below 48 KiB.

// A token and its logit after all changes.
struct Entry {
    float value;
    unsigned id;
};

struct Shared {
    // Sums of 64 bits in two halves: atomics of 32 bits are the ones that shared memory has.
    unsigned low[DIGITS];
    unsigned high[DIGITS];
    Entry kept[CAPACITY];
    Entry tops[MOST_TOPS];
    u64 warps[WARPS];
    u64 above;
    u64 within;
    unsigned digit;
    unsigned size;
    int token;
    float value;
    float edges[2];
    int segment;
};

__shared__ Shared shared;

// Sum of the values of all threads before this one, and of all.
__device__ __noinline__ u64 sum_before(u64 value, u64& total) {
    const int lane = threadIdx.x % WARP;
    const int warp = threadIdx.x / WARP;
    u64 sum = value;
    for (int step = 1; step < WARP; step *= 2) {
        const u64 other = __shfl_up_sync(ALL_LANES, sum, step);
        sum += lane >= step ? other : 0;
    }
    if (lane == WARP - 1) {
        shared.warps[warp] = sum;
    }
    __syncthreads();
    u64 warps = shared.warps[lane];
    for (int step = 1; step < WARP; step *= 2) {
        const u64 other = __shfl_up_sync(ALL_LANES, warps, step);
        warps += lane >= step ? other : 0;
    }
    total = __shfl_sync(ALL_LANES, warps, WARP - 1);
    const u64 before = __shfl_sync(ALL_LANES, warps, (warp + WARP - 1) % WARP);
    __syncthreads(); // The next sum writes there.
    return (warp > 0 ? before : 0) + sum - value;
}

__device__ __noinline__ u64 largest(u64 value) {
    for (int step = WARP / 2; step > 0; step /= 2) {
        const u64 other = __shfl_xor_sync(ALL_LANES, value, step);
        value = other > value ? other : value;
    }
    if (threadIdx.x % WARP == 0) {
        shared.warps[threadIdx.x / WARP] = value;
    }
    __syncthreads();
    value = shared.warps[threadIdx.x % WARP];
    for (int step = WARP / 2; step > 0; step /= 2) {
        const u64 other = __shfl_xor_sync(ALL_LANES, value, step);
        value = other > value ? other : value;
    }
    __syncthreads();
    return value;
}
