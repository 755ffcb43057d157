// SPDX-License-Identifier: Apache-2.0
// Logits as numbers that order alike, and as weights.
#pragma once

#include <cfloat>

#include "sample_rows.cuh"

constexpr int DIGIT_BITS = 11;
constexpr int DIGITS = 1 << DIGIT_BITS;
constexpr float DIGITS_PER_POWER = 48; // Of two: a weight has some 41 powers.

constexpr double LOG2_E = 1.4426950408889634;
constexpr float LARGE = 0x1p100f;
constexpr double WEIGHTLESS = 30; // Powers of e below its negative round to a weight of 0.
constexpr double ONE = 0x1p40; // Weight of the most likely token.

// Turns a logit into its weight: 2 to the power of its distance from the largest, in 2^-40.
struct Scale {
    float most;
    float first; // Two factors, since the inverse of a temperature may be no float.
    float second;

    __device__ static Scale of(float most, double temperature) {
        const double factor = LOG2_E / temperature;
        if (factor <= LARGE) {
            return {most, (float) factor, 1};
        }
        return {most, LARGE, (float) fmin(factor / LARGE, (double) LARGE)};
    }

    // Each operation is named, so that no compiler joins two of them.
    __device__ float power(float value) const {
        return fmaxf(__fmul_rn(__fmul_rn(__fsub_rn(value, most), first), second), -50);
    }

    __device__ u64 weight(float value) const {
        const float power = this->power(value);
        const float whole = rintf(power);
        const float f = __fsub_rn(power, whole);
        float y = 0x1.447c22p-13f; // 2^f = 1 + f q(f) to 2e-8, for |f| of at most a half.
        y = fmaf(y, f, 0x1.5f6baap-10f);
        y = fmaf(y, f, 0x1.3b29cap-7f);
        y = fmaf(y, f, 0x1.c6ae86p-5f);
        y = fmaf(y, f, 0x1.ebfbe0p-3f);
        y = fmaf(y, f, 0x1.62e430p-1f);
        y = fmaf(y, f, 1);
        const unsigned bits = __float_as_uint(y);
        const u64 mantissa = (u64) (bits & 0x7fffff | 0x800000) << 24;
        const int shift = 7 + 127 - (int) (bits >> 23) - (int) whole;
        return (mantissa + (1ull << (shift - 1))) >> shift;
    }

    // Never less for a higher logit. Those of a model's row spread over many.
    __device__ unsigned digit(float value) const {
        return DIGITS - 1 - min((int) (__fmul_rn(power(value), -DIGITS_PER_POWER)), DIGITS - 1);
    }
};

// Not repeated in the code where few tokens are weighed.
__device__ __noinline__ u64 weight_of(Scale scale, float value) {
    return scale.weight(value);
}

// A number that orders as the logits do; 0 if it is no finite number.
static __device__ unsigned key_of(float value) {
    const unsigned bits = __float_as_uint(value + 0.0f); // Makes -0 equal to 0.
    const unsigned key = bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
    return fabsf(value) <= FLT_MAX ? key : 0;
}

static __device__ float value_of(unsigned key) {
    return __uint_as_float(key >> 31 ? key ^ 0x80000000u : ~key);
}
