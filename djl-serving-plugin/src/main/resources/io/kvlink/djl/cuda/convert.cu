// SPDX-License-Identifier: Apache-2.0
// Converts weights from the type of their file to the type that is computed in, to the nearest value
// and to the even one of two. Compiled by compile.sh to convert.ptx, which is what ships.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

static constexpr float MAX_HALF = 65504.f;

static __device__ __forceinline__ float widened(float value) {
    return value;
}

static __device__ __forceinline__ float widened(__half value) {
    return __half2float(value);
}

static __device__ __forceinline__ float widened(__nv_bfloat16 value) {
    return __bfloat162float(value);
}

static __device__ __forceinline__ void narrow(float value, float* to) {
    *to = value;
}

static __device__ __forceinline__ void narrow(float value, __half* to) {
    *to = __float2half_rn(value);
}

static __device__ __forceinline__ void narrow(float value, __nv_bfloat16* to) {
    *to = __float2bfloat16_rn(value);
}

// A value that float16 doesn't hold is reported as (tensor << 32 | bits of its size): the largest of
// the last such tensor stays. NaN counts as larger than all.
template <typename From, typename To, bool CHECKED>
static __device__ __forceinline__ void convert(
        const From* from, To* to, long long count, int tensor, unsigned long long* overflow) {
    const long long stride = (long long) gridDim.x * blockDim.x;
    for (long long i = (long long) blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
        const float value = widened(from[i]);
        if (CHECKED && !(fabsf(value) <= MAX_HALF)) {
            const unsigned int bits = __float_as_uint(value) & 0x7fffffffu;
            atomicMax(overflow, (unsigned long long) tensor << 32 | bits);
        }
        narrow(value, to + i);
    }
}

#define CONVERSION(name, From, To, checked)                                                      \
    extern "C" __global__ void __launch_bounds__(256) name(                                      \
            const From* from, To* to, long long count, int tensor, unsigned long long* overflow) { \
        convert<From, To, checked>(from, to, count, tensor, overflow);                           \
    }

CONVERSION(convert_f32_f16, float, __half, true)
CONVERSION(convert_f32_bf16, float, __nv_bfloat16, false)
CONVERSION(convert_f16_f32, __half, float, false)
CONVERSION(convert_f16_bf16, __half, __nv_bfloat16, false)
CONVERSION(convert_bf16_f32, __nv_bfloat16, float, false)
CONVERSION(convert_bf16_f16, __nv_bfloat16, __half, true)
