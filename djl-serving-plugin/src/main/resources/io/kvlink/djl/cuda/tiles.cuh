// SPDX-License-Identifier: Apache-2.0
// Tensor core and copy instructions that flash.cu is made of, one function each. Shared memory's
// addresses are the 32-bit numbers that these instructions take.

struct bf16 {
    unsigned short bits;
};

struct f16 {
    unsigned short bits;
};

// First byte of the launch's dynamic shared memory.
static __device__ __forceinline__ unsigned sharedMemory() {
    extern __shared__ __align__(1024) char memory[];
    return (unsigned) __cvta_generic_to_shared(memory);
}

// Starts a copy of 16 bytes to shared memory, or of zeros if bytes is 0: then nothing is read.
static __device__ __forceinline__ void copy16(unsigned to, const void* from, int bytes) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;\n"
                 :
                 : "r"(to), "l"(from), "r"(bytes)
                 : "memory");
}

// Starts a copy of 4 bytes to shared memory, or of zeros if bytes is 0.
static __device__ __forceinline__ void copy4(unsigned to, const void* from, int bytes) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;\n"
                 :
                 : "r"(to), "l"(from), "r"(bytes)
                 : "memory");
}

// Ends a group of this thread's copies.
static __device__ __forceinline__ void endCopies() {
    asm volatile("cp.async.commit_group;\n" ::: "memory");
}

// Waits until at most N of this thread's latest groups of copies are under way.
template <int N>
static __device__ __forceinline__ void awaitCopies() {
    asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
}

static __device__ __forceinline__ void awaitBlock() {
    __syncthreads();
}

static __device__ __forceinline__ void awaitWarp() {
    __syncwarp();
}

// Loads four matrices of 8 by 8. Lanes 8i to 8i+7 name the rows of matrix i, and lane l gets the
// elements 2(l%4) and 2(l%4)+1 of row l/4 of each.
static __device__ __forceinline__ void loadMatrices(unsigned (&to)[4], unsigned from) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(from)
                 : "memory");
}

// Like loadMatrices, but each matrix is transposed on its way.
static __device__ __forceinline__ void loadTransposed(unsigned (&to)[4], unsigned from) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(from)
                 : "memory");
}

// Adds to sum [16, 8] the product of a [16, 16] and the two matrices b0 over b1 [16, 8].
template <class T>
static __device__ __forceinline__ void multiplyAdd(float (&sum)[4], const unsigned (&a)[4],
        unsigned b0, unsigned b1);

template <>
__device__ __forceinline__ void multiplyAdd<bf16>(float (&sum)[4], const unsigned (&a)[4],
        unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <>
__device__ __forceinline__ void multiplyAdd<f16>(float (&sum)[4], const unsigned (&a)[4],
        unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Rounds two numbers to T; the first lies in the low half.
template <class T>
static __device__ __forceinline__ unsigned pack(float first, float second);

template <>
__device__ __forceinline__ unsigned pack<bf16>(float first, float second) {
    unsigned both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;\n" : "=r"(both) : "f"(second), "f"(first));
    return both;
}

template <>
__device__ __forceinline__ unsigned pack<f16>(float first, float second) {
    unsigned both;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;\n" : "=r"(both) : "f"(second), "f"(first));
    return both;
}

static __device__ __forceinline__ float powerOfTwo(float exponent) {
    float power;
    asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(power) : "f"(exponent));
    return power;
}

// Value of the lane whose number differs in the bits of mask.
static __device__ __forceinline__ float otherLane(float value, int mask) {
    return __shfl_xor_sync(0xffffffffu, value, mask);
}

static __device__ __forceinline__ unsigned loadShared(unsigned from) {
    unsigned value;
    asm volatile("ld.shared.u32 %0, [%1];\n" : "=r"(value) : "r"(from) : "memory");
    return value;
}

static __device__ __forceinline__ void storeShared(unsigned to, unsigned value) {
    asm volatile("st.shared.u32 [%0], %1;\n" ::"r"(to), "r"(value) : "memory");
}

static __device__ __forceinline__ uint4 loadShared16(unsigned from) {
    uint4 value;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
                 : "r"(from)
                 : "memory");
    return value;
}
