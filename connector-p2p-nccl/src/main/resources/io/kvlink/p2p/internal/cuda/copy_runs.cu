// SPDX-License-Identifier: Apache-2.0
// Copies many runs of bytes at once. Compiled by compile.sh to copy_runs.ptx, which is what ships:
// the driver translates it for its GPU, so neither a build nor a host needs nvcc.

struct Run {
    const char* source;
    char* destination;
    unsigned long long bytes;
};

// All in the kernel's parameters: nothing has to outlive the launch. A launch takes longer the more
// of them there are, so few runs have a kernel of their own.
constexpr int FEW_RUNS = 160;
constexpr int MANY_RUNS = 1360; // 32764 bytes are the most.

template <int N>
struct Runs {
    Run run[N];
};

// Each row of blocks (y) copies one run; the blocks of a row share it in strides.
static __device__ __forceinline__ void copy(const Run& run) {
    const size_t stride = (size_t) gridDim.x * blockDim.x;
    const size_t first = (size_t) blockIdx.x * blockDim.x + threadIdx.x;
    const size_t odd = ((size_t) run.source | (size_t) run.destination) & 15;
    const size_t wide = odd == 0 ? run.bytes / 16 : 0;
    const uint4* from = (const uint4*) run.source;
    uint4* to = (uint4*) run.destination;
    size_t at = first;
    for (; at + 3 * stride < wide; at += 4 * stride) {
        const uint4 a = __ldcs(from + at);
        const uint4 b = __ldcs(from + at + stride);
        const uint4 c = __ldcs(from + at + 2 * stride);
        const uint4 d = __ldcs(from + at + 3 * stride);
        to[at] = a;
        to[at + stride] = b;
        to[at + 2 * stride] = c;
        to[at + 3 * stride] = d;
    }
    for (; at < wide; at += stride) {
        to[at] = __ldcs(from + at);
    }
    for (size_t byte = wide * 16 + first; byte < run.bytes; byte += stride) {
        run.destination[byte] = run.source[byte];
    }
}

extern "C" __global__ void __launch_bounds__(512) copy_few(const Runs<FEW_RUNS> runs) {
    copy(runs.run[blockIdx.y]);
}

extern "C" __global__ void __launch_bounds__(512) copy_many(const Runs<MANY_RUNS> runs) {
    copy(runs.run[blockIdx.y]);
}
