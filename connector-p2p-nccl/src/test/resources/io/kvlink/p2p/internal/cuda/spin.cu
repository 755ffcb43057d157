// SPDX-License-Identifier: Apache-2.0
// Keeps a stream busy for a while. Compiled by compile.sh to spin.ptx.

extern "C" __global__ void spin(const unsigned long long ns) {
    unsigned long long start;
    unsigned long long now;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
    do {
        asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    } while (now - start < ns);
}
