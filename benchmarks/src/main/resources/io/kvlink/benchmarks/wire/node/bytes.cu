// SPDX-License-Identifier: Apache-2.0
// Fills memory with a pattern and counts what differs from it. Compiled by compile.sh to bytes.ptx.
// The pattern is Pattern.java's.

typedef unsigned long long u64;

struct Words {
    u64* data;
    u64 count;
    u64 seed;
    u64 first;  // index of the first word in the pattern
    u64* wrong; // where differing words are added up
};

static __device__ u64 pattern(u64 seed, u64 index) {
    if (seed == 0) {
        return 0xE5E5E5E5E5E5E5E5ull;
    }
    u64 z = seed + (index + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

extern "C" __global__ void __launch_bounds__(256) fill(const Words words) {
    const u64 stride = (u64) gridDim.x * blockDim.x;
    for (u64 at = (u64) blockIdx.x * blockDim.x + threadIdx.x; at < words.count; at += stride) {
        words.data[at] = pattern(words.seed, words.first + at);
    }
}

extern "C" __global__ void __launch_bounds__(256) compare(const Words words) {
    const u64 stride = (u64) gridDim.x * blockDim.x;
    u64 wrong = 0;
    for (u64 at = (u64) blockIdx.x * blockDim.x + threadIdx.x; at < words.count; at += stride) {
        wrong += words.data[at] != pattern(words.seed, words.first + at);
    }
    if (wrong != 0) {
        atomicAdd(words.wrong, wrong);
    }
}
