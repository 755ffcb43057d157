// SPDX-License-Identifier: Apache-2.0
// Copies many runs of bytes at once. Compiled by compile.sh to copy_runs.ptx, which is what ships:
// the driver translates it for its GPU, so neither a build nor a host needs nvcc.

struct Run {
    const char* source;
    char* destination;
    unsigned long long bytes;
};

// All in the kernel's parameters (32764 bytes at most): nothing has to outlive the launch.
constexpr int MOST_RUNS = 1360;

struct Runs {
    Run run[MOST_RUNS];
};

// Each row of blocks (y) copies one run; the blocks of a row share it in strides.
extern "C" __global__ void __launch_bounds__(512) copy_runs(const Runs runs) {
    const Run run = runs.run[blockIdx.y];
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
