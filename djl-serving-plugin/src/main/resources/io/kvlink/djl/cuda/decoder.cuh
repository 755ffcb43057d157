// SPDX-License-Identifier: Apache-2.0
// The steps of a decoder between its matrix products: embedding, norms, rotation, KV, attention of
// single queries over KV in blocks, SwiGLU. Included by decoder_f32.cu and its like, which define
// ELEMENT as T; compile.sh makes a module of each.
//
// T is the type of weights, KV and activations; the residual stream and all sums are float32.
// KV of a layer is [2, blocks, 16, kvHeads, headDim]; values begin `valueOffset` elements behind keys.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "tiles.cuh"

constexpr int BLOCK_TOKENS = 16;

// One row of a step: a token of a sequence. slot -1: the row only fills up.
struct Row {
    int slot;
    int position;
    int token; // below 0: what was picked last by picker -1 - token
    int unused;
};

// A part of one row's attention: keys at positions from <= p < to.
struct alignas(16) Part {
    int row;
    short index;
    short count; // of the row's parts
    int from;
    int to;
    int slot; // of the row
    int position; // of the row
    int unused[2];
};

struct Attention {
    void* qkv; // [rows, (heads + 2 kvHeads) * headDim]
    void* out; // [rows, heads * headDim]
    void* kv;
    const void* bias; // of qkv, or null
    const void* queryNorm; // [headDim], or null
    const void* keyNorm;
    const float* rotary; // [positions, headDim]: cosines, then sines
    const int* tables; // [slots, maxBlocks]
    const Row* rows;
    const Part* parts;
    const int* partCount;
    float* partials; // [rows, heads, maxParts, headDim + 2]
    int* arrived; // [rows, work items of a row's part], zero between launches
    long long valueOffset;
    int heads;
    int kvHeads;
    int headDim;
    int maxBlocks;
    int maxParts;
    float scale;
    float eps;
};

template <typename T> __device__ __forceinline__ float wide(T value);
template <> __device__ __forceinline__ float wide(float value) { return value; }
template <> __device__ __forceinline__ float wide(__half value) { return __half2float(value); }
template <> __device__ __forceinline__ float wide(__nv_bfloat16 value) { return __bfloat162float(value); }

template <typename T> __device__ __forceinline__ T narrow(float value);
template <> __device__ __forceinline__ float narrow(float value) { return value; }
template <> __device__ __forceinline__ __half narrow(float value) { return __float2half_rn(value); }
template <> __device__ __forceinline__ __nv_bfloat16 narrow(float value) { return __float2bfloat16_rn(value); }

// 16 bytes of T.
template <typename T>
struct Vec {
    static constexpr int N = 16 / sizeof(T);
    uint4 bits;

    __device__ __forceinline__ void load(const T* from) { bits = *reinterpret_cast<const uint4*>(from); }
    __device__ __forceinline__ void store(T* to) const { *reinterpret_cast<uint4*>(to) = bits; }
    __device__ __forceinline__ void clear() { bits = make_uint4(0, 0, 0, 0); }
    __device__ __forceinline__ void spread(float* to) const {
        const T* each = reinterpret_cast<const T*>(&bits);
#pragma unroll
        for (int i = 0; i < N; i++) {
            to[i] = wide(each[i]);
        }
    }
    __device__ __forceinline__ void gather(const float* from) {
        T* each = reinterpret_cast<T*>(&bits);
#pragma unroll
        for (int i = 0; i < N; i++) {
            each[i] = narrow<T>(from[i]);
        }
    }
};

template <int LANES>
__device__ __forceinline__ float sumOfLanes(float value) {
#pragma unroll
    for (int other = LANES / 2; other > 0; other /= 2) {
        value += __shfl_xor_sync(0xffffffffu, value, other);
    }
    return value;
}

__device__ __forceinline__ float sumOfBlock(float value) {
    __shared__ float sums[32];
    value = sumOfLanes<32>(value);
    if ((threadIdx.x & 31) == 0) {
        sums[threadIdx.x >> 5] = value;
    }
    __syncthreads();
    float all = threadIdx.x % 32 < blockDim.x / 32 ? sums[threadIdx.x & 31] : 0;
    all = sumOfLanes<32>(all);
    __syncthreads();
    return all;
}

// Grid: rows. x[row] = the token's embedding.
template <typename T>
__device__ void embed(
        const Row* rows, const int* lastTokens, const T* table, float* x, int hidden) {
    const Row row = rows[blockIdx.x];
    // A picker that found no token is told of; any token will do here.
    const int token = row.token >= 0 ? row.token : max(0, lastTokens[-1 - row.token]);
    const T* from = table + (size_t) token * hidden;
    float* to = x + (size_t) blockIdx.x * hidden;
    for (int i = threadIdx.x * Vec<T>::N; i < hidden; i += blockDim.x * Vec<T>::N) {
        Vec<T> part;
        part.load(from + i);
        float values[Vec<T>::N];
        part.spread(values);
#pragma unroll
        for (int j = 0; j < Vec<T>::N; j++) {
            to[i + j] = values[j];
        }
    }
}

// Grid: rows of h. h[row] = weight * x / rms(x), where x gets `bias` first. With `picked`, row i of
// h is of row picked[i] of x.
template <typename T>
__device__ void norm(
        float* x, const T* bias, const T* weight, const int* picked, T* h, int hidden, float eps) {
    const int from = picked == nullptr ? blockIdx.x : picked[blockIdx.x];
    float* row = x + (size_t) from * hidden;
    T* to = h + (size_t) blockIdx.x * hidden;
    float squares = 0;
    for (int i = threadIdx.x * 4; i < hidden; i += blockDim.x * 4) {
        float4 v = *reinterpret_cast<float4*>(row + i);
        if (bias != nullptr) {
            v.x += wide(bias[i]);
            v.y += wide(bias[i + 1]);
            v.z += wide(bias[i + 2]);
            v.w += wide(bias[i + 3]);
            *reinterpret_cast<float4*>(row + i) = v;
        }
        squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
    }
    const float factor = rsqrtf(sumOfBlock(squares) / hidden + eps);
    for (int i = threadIdx.x * 4; i < hidden; i += blockDim.x * 4) {
        const float4 v = *reinterpret_cast<float4*>(row + i);
        to[i] = narrow<T>(v.x * factor * wide(weight[i]));
        to[i + 1] = narrow<T>(v.y * factor * wide(weight[i + 1]));
        to[i + 2] = narrow<T>(v.z * factor * wide(weight[i + 2]));
        to[i + 3] = narrow<T>(v.w * factor * wide(weight[i + 3]));
    }
}

// One head of q or k with its bias, its norm and its rotation. A warp; lane l has the pairs l, l+32 …
// of elements (i, i + headDim / 2). `done` gets each element.
template <typename T, typename Done>
__device__ __forceinline__ void rotated(
        const T* head, const T* bias, const T* weight, const float* rotary, int headDim, float eps, Done done) {
    const int half = headDim / 2;
    const int lane = threadIdx.x & 31;
    float factor = 1;
    if (weight != nullptr) {
        float squares = 0;
        for (int i = lane; i < headDim; i += 32) {
            const float v = wide(head[i]) + (bias == nullptr ? 0 : wide(bias[i]));
            squares += v * v;
        }
        factor = rsqrtf(sumOfLanes<32>(squares) / headDim + eps);
    }
    for (int i = lane; i < half; i += 32) {
        float a = wide(head[i]);
        float b = wide(head[i + half]);
        if (bias != nullptr) {
            a += wide(bias[i]);
            b += wide(bias[i + half]);
        }
        if (weight != nullptr) {
            a *= factor * wide(weight[i]);
            b *= factor * wide(weight[i + half]);
        }
        const float cosine = rotary[i];
        const float sine = rotary[half + i];
        done(i, a * cosine - b * sine);
        done(i + half, b * cosine + a * sine);
    }
}

__device__ __forceinline__ size_t tokenAt(const Attention& a, const int* table, int position) {
    return ((size_t) table[position / BLOCK_TOKENS] * BLOCK_TOKENS + position % BLOCK_TOKENS)
            * a.kvHeads * a.headDim;
}

// Makes k (rotated, warp 0) or v (warp 1) of one KV head of a row; `done` gets each element.
template <typename T, typename Done>
__device__ __forceinline__ void freshHead(
        const Attention& a, int row, int position, int kvHead, int warp, Done done) {
    const int headDim = a.headDim;
    const T* qkv = (const T*) a.qkv + (size_t) row * (a.heads + 2 * a.kvHeads) * headDim;
    const T* bias = (const T*) a.bias;
    if (warp == 0) {
        const int at = (a.heads + kvHead) * headDim;
        rotated<T>(qkv + at, bias == nullptr ? nullptr : bias + at, (const T*) a.keyNorm,
                a.rotary + (size_t) position * headDim, headDim, a.eps,
                [&](int i, float value) { done(i, narrow<T>(value)); });
    } else {
        const int at = (a.heads + a.kvHeads + kvHead) * headDim;
        for (int i = threadIdx.x & 31; i < headDim; i += 32) {
            done(i, bias == nullptr ? qkv[at + i] : narrow<T>(wide(qkv[at + i]) + wide(bias[at + i])));
        }
    }
}

// Writes k or v of one KV head of a row to the cache.
template <typename T>
__device__ __forceinline__ void storeHead(
        const Attention& a, int slot, int position, int row, int kvHead, int warp) {
    const int* table = a.tables + (size_t) slot * a.maxBlocks;
    T* to = (T*) a.kv + tokenAt(a, table, position) + kvHead * a.headDim + warp * a.valueOffset;
    freshHead<T>(a, row, position, kvHead, warp, [&](int i, T value) { to[i] = value; });
}

// Grid: rows. Rotates q in place and writes k and v to the cache.
template <typename T>
__device__ void store(const Attention& from) {
    const Attention a = from;
    const Row row = a.rows[blockIdx.x];
    if (row.slot < 0) {
        return;
    }
    const int warp = threadIdx.x / 32;
    const int warps = blockDim.x / 32;
    T* qkv = (T*) a.qkv + (size_t) blockIdx.x * (a.heads + 2 * a.kvHeads) * a.headDim;
    const T* bias = (const T*) a.bias;
    for (int head = warp; head < a.heads; head += warps) {
        const int at = head * a.headDim;
        // Each lane reads its pairs before it writes them.
        rotated<T>(qkv + at, bias == nullptr ? nullptr : bias + at, (const T*) a.queryNorm,
                a.rotary + (size_t) row.position * a.headDim, a.headDim, a.eps,
                [&](int i, float value) { qkv[at + i] = narrow<T>(value); });
    }
    for (int half = warp; half < 2 * a.kvHeads; half += warps) {
        storeHead<T>(a, row.slot, row.position, blockIdx.x, half / 2, half % 2);
    }
}

constexpr int WARPS = 4;
constexpr int AHEAD = 4; // tokens that a group of lanes reads at once

// Adds up what the workers of a block made of a part, [WORKERS][G][headDim + 2] each with its
// maximum and its total behind it, and writes the output: at once if the row has one part, else the
// block that is the last of the row's does. Each head is a warp's.
template <typename T, int WARPS, int WORKERS, int G>
__device__ __forceinline__ void addUp(const Attention& a, const Part& part, const float* merged,
        int firstHead, int count, int within, int shares) {
    __shared__ bool last;
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x & 31;
    const int headDim = a.headDim;
    const int width = headDim + 2;
    T* out = (T*) a.out + (size_t) part.row * a.heads * headDim;
    for (int head = warp; head < count; head += WARPS) {
        float now = -INFINITY;
#pragma unroll
        for (int w = 0; w < WORKERS; w++) {
            now = fmaxf(now, merged[(w * G + head) * width + headDim]);
        }
        float sum = 0;
        float weights[WORKERS];
#pragma unroll
        for (int w = 0; w < WORKERS; w++) {
            const float* theirs = merged + (w * G + head) * width;
            weights[w] = exp2f(theirs[headDim] - now);
            sum += theirs[headDim + 1] * weights[w];
        }
        float* partial = a.partials
                + (((size_t) part.row * a.heads + firstHead + head) * a.maxParts + part.index) * width;
        const float factor = part.count == 1 ? 1 / sum : 1;
        for (int i = lane; i < headDim; i += 32) {
            float value = 0;
#pragma unroll
            for (int w = 0; w < WORKERS; w++) {
                value += merged[(w * G + head) * width + i] * weights[w];
            }
            if (part.count == 1) {
                out[(firstHead + head) * headDim + i] = narrow<T>(value * factor);
            } else {
                partial[i] = value;
            }
        }
        if (part.count > 1 && lane == 0) {
            partial[headDim] = now;
            partial[headDim + 1] = sum;
        }
    }
    if (part.count == 1) {
        return;
    }
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        int* counter = a.arrived + part.row * a.kvHeads * shares + within;
        last = atomicAdd(counter, 1) == part.count - 1;
        if (last) {
            *counter = 0;
        }
    }
    __syncthreads();
    if (!last) {
        return;
    }
    __threadfence();
    // Past the first-level cache, which may have an earlier layer's. A lane has a part's maximum and
    // total of each head: there are no more parts than lanes.
    const float* all = a.partials + ((size_t) part.row * a.heads + firstHead) * a.maxParts * width;
    const int stride = a.maxParts * width; // of heads
    float weights[G];
    float totals[G];
#pragma unroll
    for (int head = 0; head < G; head++) {
        const bool there = head < count && lane < part.count;
        const float* mine = all + head * stride + lane * width + headDim;
        weights[head] = there ? __ldcg(mine) : -INFINITY;
        totals[head] = there ? __ldcg(mine + 1) : 0;
    }
#pragma unroll
    for (int head = 0; head < G; head++) {
        if (head >= count) {
            break;
        }
        float now = weights[head];
#pragma unroll
        for (int other = 16; other > 0; other /= 2) {
            now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, other));
        }
        weights[head] = exp2f(weights[head] - now);
        const float factor = 1 / sumOfLanes<32>(totals[head] * weights[head]);
        // All lanes of a warp go as often through the loops: they tell each other the weights.
        for (int i = threadIdx.x * 2; i - lane * 2 < headDim; i += WARPS * 64) {
            const float* column = all + head * stride + min(i, headDim - 2);
            float2 value = make_float2(0, 0);
            for (int first = 0; first < part.count; first += 16) {
                float2 theirs[16]; // All are read before any is waited for.
#pragma unroll
                for (int p = 0; p < 16; p++) {
                    theirs[p] = make_float2(0, 0);
                    if (first + p < part.count) {
                        theirs[p] = __ldcg(
                                reinterpret_cast<const float2*>(column + (first + p) * width));
                    }
                }
#pragma unroll
                for (int p = 0; p < 16; p++) {
                    const float weight = __shfl_sync(0xffffffffu, weights[head], first + p);
                    value.x += theirs[p].x * weight;
                    value.y += theirs[p].y * weight;
                }
            }
            if (i < headDim) {
                T* to = out + (firstHead + head) * headDim + i;
                to[0] = narrow<T>(value.x * factor);
                to[1] = narrow<T>(value.y * factor);
            }
        }
    }
}

// Attention of single queries. Work items are parts of rows times KV heads times `ceil(group / G)`;
// blocks take them in strides. A token's K is read by LANES lanes, NV times 16 bytes each, for G query heads.
// With `fresh`, q, k and v of the rows are as the product left them: the block rotates q, and the
// one with a row's last key writes k and v first. The block that ends a row's last part adds all up.
template <typename T, int LANES, int NV, int G>
__device__ void attend(const Attention& from, bool fresh) {
    const Attention a = from;
    constexpr int N = Vec<T>::N;
    constexpr int GROUPS = 32 / LANES; // of lanes, in a warp
    extern __shared__ float shared[];
    const int headDim = a.headDim;
    float* queries = shared; // [G][headDim]
    float* merged = shared + G * headDim; // [WARPS * GROUPS][G][headDim + 2]
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x & 31;
    const int inGroup = lane % LANES;
    const int worker = warp * GROUPS + lane / LANES;
    constexpr int WORKERS = WARPS * GROUPS;
    const unsigned lanes = LANES == 32 ? 0xffffffffu : ((1u << LANES) - 1) << (lane / LANES * LANES);
    const int group = a.heads / a.kvHeads;
    const int shares = (group + G - 1) / G;
    const int items = *a.partCount * a.kvHeads * shares;
    const float scale = a.scale * 1.44269504089f;

    for (int item = blockIdx.x; item < items; item += gridDim.x) {
        const Part part = a.parts[item / (a.kvHeads * shares)];
        const int within = item % (a.kvHeads * shares);
        const int kvHead = within / shares;
        const int share = within % shares;
        const int firstHead = kvHead * group + share * G;
        const int count = min(G, group - share * G);
        const int* table = a.tables + (size_t) part.slot * a.maxBlocks;
        const T* qkv = (const T*) a.qkv + (size_t) part.row * (a.heads + 2 * a.kvHeads) * headDim;
        const T* bias = (const T*) a.bias;
        for (int head = warp; head < G; head += WARPS) {
            float* query = queries + head * headDim;
            const int at = (firstHead + head) * headDim;
            if (head >= count) {
                for (int i = lane; i < headDim; i += 32) {
                    query[i] = 0;
                }
            } else if (fresh) {
                // Rounded as a stored one is.
                rotated<T>(qkv + at, bias == nullptr ? nullptr : bias + at, (const T*) a.queryNorm,
                        a.rotary + (size_t) part.position * headDim, headDim, a.eps,
                        [&](int i, float value) { query[i] = wide(narrow<T>(value)) * scale; });
            } else {
                for (int i = lane; i < headDim; i += 32) {
                    query[i] = wide(qkv[at + i]) * scale;
                }
            }
        }
        if (fresh && part.to == part.position + 1 && warp < 2) {
            storeHead<T>(a, part.slot, part.position, part.row, kvHead, warp);
        }
        __syncthreads();

        float q[G][NV * N];
        float mixed[G][NV * N];
        float most[G];
        float total[G];
#pragma unroll
        for (int g = 0; g < G; g++) {
            most[g] = -INFINITY;
            total[g] = 0;
#pragma unroll
            for (int v = 0; v < NV; v++) {
                const int at = (v * LANES + inGroup) * N;
#pragma unroll
                for (int i = 0; i < N; i++) {
                    q[g][v * N + i] = at < headDim ? queries[g * headDim + at + i] : 0;
                    mixed[g][v * N + i] = 0;
                }
            }
        }
        const T* keys = (const T*) a.kv + kvHead * headDim;
        for (int token = part.from + worker * AHEAD; token < part.to; token += WORKERS * AHEAD) {
            Vec<T> k[AHEAD][NV];
            Vec<T> values[AHEAD][NV];
#pragma unroll
            for (int t = 0; t < AHEAD; t++) {
                // A token behind the end is read as the last one, and doesn't count.
                const T* key = keys + tokenAt(a, table, min(token + t, part.to - 1));
#pragma unroll
                for (int v = 0; v < NV; v++) {
                    const int at = (v * LANES + inGroup) * N;
                    if (at < headDim) {
                        k[t][v].load(key + at);
                        values[t][v].load(key + a.valueOffset + at);
                    } else {
                        k[t][v].clear();
                        values[t][v].clear();
                    }
                }
            }
            float scores[G][AHEAD];
#pragma unroll
            for (int t = 0; t < AHEAD; t++) {
                float wideKey[NV * N];
#pragma unroll
                for (int v = 0; v < NV; v++) {
                    k[t][v].spread(wideKey + v * N);
                }
#pragma unroll
                for (int g = 0; g < G; g++) {
                    float sum = 0;
#pragma unroll
                    for (int i = 0; i < NV * N; i++) {
                        sum = fmaf(q[g][i], wideKey[i], sum);
                    }
                    scores[g][t] = sum;
                }
            }
#pragma unroll
            for (int g = 0; g < G; g++) {
#pragma unroll
                for (int t = 0; t < AHEAD; t++) {
                    float sum = scores[g][t];
#pragma unroll
                    for (int other = LANES / 2; other > 0; other /= 2) {
                        sum += __shfl_xor_sync(lanes, sum, other);
                    }
                    scores[g][t] = token + t < part.to ? sum : -INFINITY;
                }
            }
#pragma unroll
            for (int g = 0; g < G; g++) {
                float now = most[g];
#pragma unroll
                for (int t = 0; t < AHEAD; t++) {
                    now = fmaxf(now, scores[g][t]);
                }
                const float factor = exp2f(most[g] - now);
                most[g] = now;
                total[g] *= factor;
#pragma unroll
                for (int t = 0; t < AHEAD; t++) {
                    scores[g][t] = exp2f(scores[g][t] - now);
                    total[g] += scores[g][t];
                }
#pragma unroll
                for (int i = 0; i < NV * N; i++) {
                    mixed[g][i] *= factor;
                }
            }
#pragma unroll
            for (int t = 0; t < AHEAD; t++) {
                float wideValue[NV * N];
#pragma unroll
                for (int v = 0; v < NV; v++) {
                    values[t][v].spread(wideValue + v * N);
                }
#pragma unroll
                for (int g = 0; g < G; g++) {
#pragma unroll
                    for (int i = 0; i < NV * N; i++) {
                        mixed[g][i] = fmaf(scores[g][t], wideValue[i], mixed[g][i]);
                    }
                }
            }
        }
        const int width = headDim + 2;
#pragma unroll
        for (int g = 0; g < G; g++) {
            float* mine = merged + (worker * G + g) * width;
#pragma unroll
            for (int v = 0; v < NV; v++) {
                const int at = (v * LANES + inGroup) * N;
                if (at < headDim) {
#pragma unroll
                    for (int i = 0; i < N; i++) {
                        mine[at + i] = mixed[g][v * N + i];
                    }
                }
            }
            if (inGroup == 0) {
                mine[headDim] = most[g];
                mine[headDim + 1] = total[g];
            }
        }
        __syncthreads();
        addUp<T, WARPS, WORKERS, G>(a, part, merged, firstHead, count, within, shares);
        __syncthreads(); // What is shared is used again.
    }
}

#ifndef ELEMENT_IS_FLOAT

constexpr int TILE_WARPS = 2;
constexpr int TILE = TILE_WARPS * 16; // tokens that a block reads at once
constexpr int STAGES = 3;
constexpr int HEADS = 8; // query heads of a KV head that are computed together

// T as tiles.cuh names it.
template <typename T> struct Named;
template <> struct Named<__half> { using type = f16; };
template <> struct Named<__nv_bfloat16> { using type = bf16; };

// An 8 x 8 matrix of 16-bit numbers, spread over a warp as fragments are, to its transpose.
__device__ __forceinline__ unsigned transposed(unsigned matrix) {
    unsigned to;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(to) : "r"(matrix));
    return to;
}

__device__ __forceinline__ unsigned sharedAddress(const void* at) {
    return (unsigned) __cvta_generic_to_shared(at);
}

// Fills queries [HEADS][HD], and newest [2][HD] if the row's own token is in the part, head by head.
template <typename T, int HD>
__device__ __forceinline__ void prepare(const Attention& a, const Part& part, int kvHead,
        int firstHead, int count, bool fresh, int own, const int* table, T* queries, T* newest) {
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x & 31;
    const T* qkv = (const T*) a.qkv + (size_t) part.row * (a.heads + 2 * a.kvHeads) * HD;
    const T* bias = (const T*) a.bias;
    for (int head = warp; head < HEADS; head += TILE_WARPS) {
        T* query = queries + head * HD;
        const int at = (firstHead + head) * HD;
        if (head >= count) {
            for (int i = lane; i < HD; i += 32) {
                query[i] = narrow<T>(0);
            }
        } else if (fresh) {
            rotated<T>(qkv + at, bias == nullptr ? nullptr : bias + at, (const T*) a.queryNorm,
                    a.rotary + (size_t) part.position * HD, HD, a.eps,
                    [&](int i, float value) { query[i] = narrow<T>(value); });
        } else {
            for (int i = lane; i < HD; i += 32) {
                query[i] = qkv[at + i];
            }
        }
    }
    if (own >= 0) {
        T* cached = (T*) a.kv + tokenAt(a, table, own) + kvHead * HD + warp * a.valueOffset;
        T* here = newest + warp * HD;
        freshHead<T>(a, part.row, own, kvHead, warp, [&](int i, T value) {
            cached[i] = value;
            here[i] = value;
        });
    }
}

// Like `prepare`, for heads without norms: all is read before anything is written.
template <typename T, int HD>
__device__ __forceinline__ void rotateAll(const Attention& a, const Part& part, int kvHead,
        int firstHead, int count, int own, const int* table, T* queries, T* newest) {
    constexpr int HALF = HD / 2;
    constexpr int SIDES = TILE_WARPS * 32 / HALF; // heads at a time
    constexpr int TURNS = HEADS / SIDES;
    const int i = threadIdx.x % HALF;
    const int side = threadIdx.x / HALF;
    const T* qkv = (const T*) a.qkv + (size_t) part.row * (a.heads + 2 * a.kvHeads) * HD + i;
    const T* bias = (const T*) a.bias;
    const float* rotary = a.rotary + (size_t) part.position * HD + i;
    const int keyAt = (a.heads + kvHead) * HD;
    const int valueAt = keyAt + a.kvHeads * HD;
    const bool withOwn = own >= 0 && side == 0;
    auto read = [&](int at, float& low, float& high) {
        low = wide(qkv[at]);
        high = wide(qkv[at + HALF]);
        if (bias != nullptr) {
            low += wide(bias[at + i]);
            high += wide(bias[at + i + HALF]);
        }
    };
    const float cosine = rotary[0];
    const float sine = rotary[HALF];
    float low[TURNS];
    float high[TURNS];
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
        const int head = turn * SIDES + side;
        low[turn] = high[turn] = 0;
        if (head < count) {
            read((firstHead + head) * HD, low[turn], high[turn]);
        }
    }
    float key[2] = {0, 0};
    float value[2] = {0, 0};
    size_t cachedAt = 0;
    if (withOwn) {
        read(keyAt, key[0], key[1]);
        read(valueAt, value[0], value[1]);
        cachedAt = tokenAt(a, table, own) + kvHead * HD + i;
    }
#pragma unroll
    for (int turn = 0; turn < TURNS; turn++) {
        T* query = queries + (turn * SIDES + side) * HD + i;
        query[0] = narrow<T>(low[turn] * cosine - high[turn] * sine);
        query[HALF] = narrow<T>(high[turn] * cosine + low[turn] * sine);
    }
    if (withOwn) {
        T* cached = (T*) a.kv + cachedAt;
        newest[i] = cached[0] = narrow<T>(key[0] * cosine - key[1] * sine);
        newest[i + HALF] = cached[HALF] = narrow<T>(key[1] * cosine + key[0] * sine);
        cached += a.valueOffset;
        newest[HD + i] = cached[0] = narrow<T>(value[0]);
        newest[HD + i + HALF] = cached[HALF] = narrow<T>(value[1]);
    }
}

// Like `attend`, on tensor cores, for heads of HD numbers: keys and values go through shared memory
// in tiles that are read ahead. Rows of the first product are tokens, its columns query heads; the
// second one makes the transposed output, so that a lane has the same heads in both.
template <typename T, int HD>
__device__ void attendTiles(const Attention& given, bool fresh) {
    constexpr int CHUNKS = HD / 8; // of 16 bytes, in a token's key
    constexpr int KEYS = TILE * HD;
    const Attention a = given;
    extern __shared__ __align__(128) unsigned char bytes[];
    T* tiles = reinterpret_cast<T*>(bytes); // [STAGES][2][TILE][HD], chunks swizzled by the token
    T* queries = tiles + STAGES * 2 * KEYS; // [HEADS][HD]
    T* newest = queries + HEADS * HD; // [2][HD]: k and v of the row's own token
    // [TILE_WARPS][HEADS][HD + 2], where the last tile of a stage was.
    float* merged = reinterpret_cast<float*>(tiles + (STAGES - 1) * 2 * KEYS);
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x & 31;
    const int fourth = lane & 3;
    const int eighth = lane / 4;
    const int group = a.heads / a.kvHeads;
    const int shares = (group + HEADS - 1) / HEADS;
    const int items = *a.partCount * a.kvHeads * shares;
    const float scale = a.scale * 1.44269504089f;
    const int tokenStride = a.kvHeads * HD;

    struct Item {
        Part part;
        int within; // its part
        int kvHead;
        int firstHead;
        int count; // of query heads
        int own; // position of the row's own token if it is in the part, else -1
        int start; // of its tiles: the beginning of a KV block
        const int* table;
    };
    struct Blocks {
        int first;
        int second;
    };
    auto itemAt = [&](int index) {
        Item item;
        item.part = a.parts[index / (a.kvHeads * shares)];
        item.within = index % (a.kvHeads * shares);
        item.kvHead = item.within / shares;
        const int share = item.within % shares;
        item.firstHead = item.kvHead * group + share * HEADS;
        item.count = min(HEADS, group - share * HEADS);
        item.own = fresh && item.part.to == item.part.position + 1 ? item.part.position : -1;
        item.start = item.part.from / BLOCK_TOKENS * BLOCK_TOKENS;
        item.table = a.tables + (size_t) item.part.slot * a.maxBlocks;
        return item;
    };
    // The KV blocks of a tile; any there are if it begins behind the end.
    auto blocksOf = [&](const Item& item, int tile) {
        const int last = (item.part.to - 1) / BLOCK_TOKENS;
        const int first = item.start / BLOCK_TOKENS + tile * (TILE / BLOCK_TOKENS);
        Blocks blocks;
        blocks.first = __ldg(item.table + min(first, last));
        blocks.second = __ldg(item.table + min(first + 1, last));
        return blocks;
    };
    static_assert(TILE == 2 * BLOCK_TOKENS, "a tile is two KV blocks");
    auto load = [&](const Item& item, int tile, const Blocks& blocks) {
        const int first = item.start + tile * TILE;
        if (first < item.part.to) {
            constexpr int TOKENS = TILE_WARPS * 32 / CHUNKS; // at a time
            const int chunk = threadIdx.x % CHUNKS;
            const T* kv = (const T*) a.kv + item.kvHead * HD + chunk * 8;
            T* to = tiles + tile % STAGES * 2 * KEYS;
#pragma unroll
            for (int j = 0; j < TILE / TOKENS; j++) {
                const int token = j * TOKENS + threadIdx.x / CHUNKS;
                const int position = first + token;
                if (position == item.own) {
                    continue;
                }
                const bool there = position >= item.part.from && position < item.part.to;
                const int block = j * TOKENS < BLOCK_TOKENS ? blocks.first : blocks.second;
                const T* from = kv
                        + ((size_t) block * BLOCK_TOKENS + token % BLOCK_TOKENS) * tokenStride;
                T* at = to + token * HD + (chunk ^ (token & 7)) * 8;
                copy16(sharedAddress(at), from, there ? 16 : 0);
                copy16(sharedAddress(at + KEYS), from + a.valueOffset, there ? 16 : 0);
            }
        }
        endCopies();
    };
    auto begin = [&](const Item& item) {
        for (int tile = 0; tile < STAGES - 1; tile++) {
            load(item, tile, blocksOf(item, tile));
        }
    };
    if (blockIdx.x >= items) {
        return;
    }
    Item item = itemAt(blockIdx.x);
    begin(item);

    for (int index = blockIdx.x; index < items; index += gridDim.x) {
        load(item, STAGES - 1, blocksOf(item, STAGES - 1));
        const Part part = item.part;
        const int own = item.own;
        const int tileCount = (part.to - item.start + TILE - 1) / TILE;
        if (fresh && a.queryNorm == nullptr) {
            rotateAll<T, HD>(a, part, item.kvHead, item.firstHead, item.count, own, item.table, queries, newest);
        } else {
            prepare<T, HD>(a, part, item.kvHead, item.firstHead, item.count, fresh, own, item.table, queries,
                    newest);
        }
        __syncthreads();
        unsigned q[HD / 16][2];
#pragma unroll
        for (int k = 0; k < HD / 16; k++) {
            const T* at = queries + eighth * HD + k * 16 + fourth * 2;
            q[k][0] = *reinterpret_cast<const unsigned*>(at);
            q[k][1] = *reinterpret_cast<const unsigned*>(at + 8);
        }
        float mixed[HD / 16][4];
#pragma unroll
        for (int d = 0; d < HD / 16; d++) {
            mixed[d][0] = mixed[d][1] = mixed[d][2] = mixed[d][3] = 0;
        }
        float most[2] = {-INFINITY, -INFINITY};
        float total[2] = {0, 0};

        for (int tile = 0; tile < tileCount; tile++) {
            const Blocks next = blocksOf(item, tile + STAGES);
            awaitCopies<STAGES - 1>();
            T* keys = tiles + tile % STAGES * 2 * KEYS;
            const int first = item.start + tile * TILE;
            if (own >= first && own < first + TILE && threadIdx.x < 2 * CHUNKS) {
                const int chunk = threadIdx.x % CHUNKS;
                const int token = own - first;
                T* to = keys + threadIdx.x / CHUNKS * KEYS + token * HD + (chunk ^ (token & 7)) * 8;
                *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(newest + threadIdx.x * 8);
            }
            __syncthreads();
            if (first + warp * 16 < part.to) {
                const T* rows = keys + warp * 16 * HD;
                float scores[4] = {0, 0, 0, 0};
                float others[4] = {0, 0, 0, 0}; // A second sum: each waits for its last product.
                const int keyRow = lane & 15;
#pragma unroll
                for (int k = 0; k < HD / 16; k++) {
                    unsigned key[4];
                    loadMatrices(key, sharedAddress(rows + keyRow * HD + ((2 * k + lane / 16) ^ (keyRow & 7)) * 8));
                    multiplyAdd<typename Named<T>::type>(k % 2 == 0 ? scores : others, key, q[k][0], q[k][1]);
                }
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    scores[i] += others[i];
                }
                const int token = first + warp * 16 + eighth;
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    const bool low = token >= part.from && token < part.to;
                    const bool high = token + 8 >= part.from && token + 8 < part.to;
                    scores[h] = low ? scores[h] * scale : -INFINITY;
                    scores[h + 2] = high ? scores[h + 2] * scale : -INFINITY;
                    float now = fmaxf(scores[h], scores[h + 2]);
                    now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 4));
                    now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 8));
                    now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 16));
                    now = fmaxf(now, most[h]);
                    const float base = now == -INFINITY ? 0 : now;
                    const float factor = exp2f(most[h] - base);
                    most[h] = now;
                    scores[h] = exp2f(scores[h] - base);
                    scores[h + 2] = exp2f(scores[h + 2] - base);
                    total[h] = total[h] * factor + scores[h] + scores[h + 2];
#pragma unroll
                    for (int d = 0; d < HD / 16; d++) {
                        mixed[d][h] *= factor;
                        mixed[d][h + 2] *= factor;
                    }
                }
                const unsigned low = transposed(pack<typename Named<T>::type>(scores[0], scores[1]));
                const unsigned high = transposed(pack<typename Named<T>::type>(scores[2], scores[3]));
                const int valueRow = (lane & 7) + lane / 16 * 8;
#pragma unroll
                for (int d = 0; d < HD / 16; d++) {
                    unsigned value[4];
                    loadTransposed(value,
                            sharedAddress(rows + KEYS + valueRow * HD
                                    + ((2 * d + (lane / 8 & 1)) ^ (valueRow & 7)) * 8));
                    multiplyAdd<typename Named<T>::type>(mixed[d], value, low, high);
                }
            }
            __syncthreads();
            load(item, tile + STAGES, next);
        }
        // The next item's first tiles are under way while this one's are added up.
        const Item done = item;
        if (index + gridDim.x < items) {
            item = itemAt(index + gridDim.x);
            begin(item);
        }
#pragma unroll
        for (int h = 0; h < 2; h++) {
            float* mine = merged + (warp * HEADS + fourth * 2 + h) * (HD + 2);
#pragma unroll
            for (int d = 0; d < HD / 16; d++) {
                mine[d * 16 + eighth] = mixed[d][h];
                mine[d * 16 + 8 + eighth] = mixed[d][h + 2];
            }
            float sum = total[h];
            sum += __shfl_xor_sync(0xffffffffu, sum, 4);
            sum += __shfl_xor_sync(0xffffffffu, sum, 8);
            sum += __shfl_xor_sync(0xffffffffu, sum, 16);
            if (eighth == 0) {
                mine[HD] = most[h];
                mine[HD + 1] = sum;
            }
        }
        __syncthreads();
        addUp<T, TILE_WARPS, TILE_WARPS, HEADS>(
                a, done.part, merged, done.firstHead, done.count, done.within, shares);
        __syncthreads(); // What is shared is used again.
    }
}

#endif

// Grid: x rows, y over a row's numbers. active = silu(gate) * up, both with their bias.
template <typename T>
__device__ void swiglu(const T* gateUp, const T* bias, T* active, int inner) {
    const int i = (blockIdx.y * blockDim.x + threadIdx.x) * Vec<T>::N;
    if (i >= inner) {
        return;
    }
    const T* row = gateUp + (size_t) blockIdx.x * 2 * inner;
    Vec<T> part;
    float gate[Vec<T>::N];
    float up[Vec<T>::N];
    part.load(row + i);
    part.spread(gate);
    part.load(row + inner + i);
    part.spread(up);
#pragma unroll
    for (int j = 0; j < Vec<T>::N; j++) {
        if (bias != nullptr) {
            gate[j] += wide(bias[i + j]);
            up[j] += wide(bias[inner + i + j]);
        }
        up[j] *= gate[j] / (1 + __expf(-gate[j]));
    }
    part.gather(up);
    part.store(active + (size_t) blockIdx.x * inner + i);
}

constexpr int LONE_THREADS = 512;
constexpr int LONE_WARPS = LONE_THREADS / 32;
constexpr int LONE_AHEAD = 8; // vectors that a lane reads at once

// How a lone row's product is finished.
enum Finish { TO_ELEMENTS, TO_FLOATS, ADD_TO_FLOATS, SWIGLU };

// A product of one row with a matrix [outs, ins]: y = matrix * x. Each block has a range of outs, and
// each of its warps pieces of their rows, so that all of the device reads evenly; the first pieces
// are under way while x is made ready. With `weight`, x is the residual stream and is normed first.
// SWIGLU: the matrix has the rows of gate, then of up, and y is silu(gate) * up.
template <typename T, Finish FINISH>
__device__ void lone(const T* matrix, const void* x, const T* weight, const T* bias, void* y,
        int outs, int ins, float eps) {
    constexpr int N = Vec<T>::N;
    constexpr int PIECE = 32 * N * LONE_AHEAD; // numbers of a row
    constexpr int EACH = FINISH == SWIGLU ? 2 : 1; // rows of an out
    extern __shared__ __align__(16) unsigned char lonely[];
    T* ready = reinterpret_cast<T*>(lonely); // [ins]
    float* sums = reinterpret_cast<float*>(lonely + (((size_t) ins * sizeof(T) + 15) / 16 * 16));
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x & 31;
    const int first = (int) ((long long) outs * blockIdx.x / gridDim.x);
    const int count = (int) ((long long) outs * (blockIdx.x + 1) / gridDim.x) - first;
    const int pieces = (ins + PIECE - 1) / PIECE; // of a row
    const int units = count * EACH * pieces;

    Vec<T> read[LONE_AHEAD];
    auto load = [&](int unit) {
        const int row = unit / pieces;
        const int at = unit % pieces * PIECE + lane * N;
        const T* from = matrix
                + (size_t) (first + (EACH == 2 ? row / 2 : row) + (EACH == 2 && row % 2 == 1 ? outs : 0)) * ins;
#pragma unroll
        for (int i = 0; i < LONE_AHEAD; i++) {
            const int column = at + i * 32 * N;
            if (column < ins) {
                read[i].bits = __ldcs(reinterpret_cast<const uint4*>(from + column));
            } else {
                read[i].clear();
            }
        }
    };
    if (warp < units) {
        load(warp);
    }

    if (weight != nullptr) {
        const float* row = (const float*) x;
        float squares = 0;
        for (int i = threadIdx.x * 4; i < ins; i += LONE_THREADS * 4) {
            const float4 v = *reinterpret_cast<const float4*>(row + i);
            squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
        }
        const float factor = rsqrtf(sumOfBlock(squares) / ins + eps);
        for (int i = threadIdx.x * 4; i < ins; i += LONE_THREADS * 4) {
            const float4 v = *reinterpret_cast<const float4*>(row + i);
            ready[i] = narrow<T>(v.x * factor * wide(weight[i]));
            ready[i + 1] = narrow<T>(v.y * factor * wide(weight[i + 1]));
            ready[i + 2] = narrow<T>(v.z * factor * wide(weight[i + 2]));
            ready[i + 3] = narrow<T>(v.w * factor * wide(weight[i + 3]));
        }
    } else {
        const T* row = (const T*) x;
        for (int i = threadIdx.x * N; i < ins; i += LONE_THREADS * N) {
            Vec<T> part;
            part.load(row + i);
            part.store(ready + i);
        }
    }
    __syncthreads();

    for (int unit = warp; unit < units; unit += LONE_WARPS) {
        const int at = unit % pieces * PIECE + lane * N;
        float sum = 0;
#pragma unroll
        for (int i = 0; i < LONE_AHEAD; i++) {
            const int column = at + i * 32 * N;
            if (column < ins) {
                Vec<T> factors;
                factors.load(ready + column);
                float a[N];
                float b[N];
                read[i].spread(a);
                factors.spread(b);
#pragma unroll
                for (int j = 0; j < N; j++) {
                    sum = fmaf(a[j], b[j], sum);
                }
            }
        }
        if (unit + LONE_WARPS < units) {
            load(unit + LONE_WARPS);
        }
        sum = sumOfLanes<32>(sum);
        if (lane == 0) {
            sums[unit] = sum;
        }
    }
    __syncthreads();

    for (int out = threadIdx.x; out < count; out += LONE_THREADS) {
        float value[EACH];
#pragma unroll
        for (int each = 0; each < EACH; each++) {
            value[each] = bias == nullptr ? 0 : wide(bias[first + out + each * outs]);
            for (int piece = 0; piece < pieces; piece++) {
                value[each] += sums[(out * EACH + each) * pieces + piece];
            }
        }
        if (FINISH == TO_ELEMENTS) {
            ((T*) y)[first + out] = narrow<T>(value[0]);
        } else if (FINISH == TO_FLOATS) {
            ((float*) y)[first + out] = value[0];
        } else if (FINISH == ADD_TO_FLOATS) {
            ((float*) y)[first + out] += value[0];
        } else {
            // Rounded as a product's numbers are.
            const float gate = wide(narrow<T>(value[0]));
            const float up = wide(narrow<T>(value[EACH - 1]));
            ((T*) y)[first + out] = narrow<T>(up * gate / (1 + __expf(-gate)));
        }
    }
}

// Marks tokens of a prompt: bit 30 of their counts.
extern "C" __global__ void mark_prompt(int* counts, const int* tokens, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        atomicOr(counts + tokens[i], 1 << 30);
    }
}

// Counts a token that was picked elsewhere.
extern "C" __global__ void count_token(int* counts, int token) {
    counts[token]++;
}

extern "C" __global__ void __launch_bounds__(512) embed_tokens(
        const Row* rows, const int* lastTokens, const ELEMENT* table, float* x, int hidden) {
    embed<ELEMENT>(rows, lastTokens, table, x, hidden);
}

extern "C" __global__ void __launch_bounds__(1024) rms_norm(
        float* x, const ELEMENT* bias, const ELEMENT* weight, const int* picked, ELEMENT* h,
        int hidden, float eps) {
    norm<ELEMENT>(x, bias, weight, picked, h, hidden, eps);
}

extern "C" __global__ void __launch_bounds__(512) store_kv(const Attention* layers, int layer) {
    store<ELEMENT>(layers[layer]);
}

extern "C" __global__ void __launch_bounds__(256) silu_and_mul(
        const ELEMENT* gateUp, const ELEMENT* bias, ELEMENT* active, int inner) {
    swiglu<ELEMENT>(gateUp, bias, active, inner);
}

#define LONE(NAME, FINISH)                                                                        \
    extern "C" __global__ void __launch_bounds__(LONE_THREADS, 1)                                 \
            lone_##NAME(const ELEMENT* matrix, const void* x, const ELEMENT* weight,              \
                    const ELEMENT* bias, void* y, int outs, int ins, float eps) {                 \
        lone<ELEMENT, FINISH>(matrix, x, weight, bias, y, outs, ins, eps);                        \
    }

LONE(elements, TO_ELEMENTS)
LONE(floats, TO_FLOATS)
LONE(add, ADD_TO_FLOATS)
LONE(swiglu, SWIGLU)

#define ATTEND(LANES, NV, G)                                                                      \
    extern "C" __global__ void __launch_bounds__(128)                                             \
            attend_##LANES##_##NV##_##G(const Attention* layers, int layer, int fresh) {          \
        attend<ELEMENT, LANES, NV, G>(layers[layer], fresh != 0);                                 \
    }

// Heads of at most 16 * LANES * NV bytes; query heads of a KV head, G at a time.
#ifdef ELEMENT_IS_FLOAT
ATTEND(16, 1, 4)
ATTEND(32, 1, 4)
ATTEND(32, 2, 4)
#else
ATTEND(8, 1, 4)
ATTEND(16, 1, 4)
ATTEND(32, 1, 4)

#define ATTEND_TILES(HD)                                                                          \
    extern "C" __global__ void __launch_bounds__(64, 4)                                           \
            attend_tiles_##HD(const Attention* layers, int layer, int fresh) {                    \
        attendTiles<ELEMENT, HD>(layers[layer], fresh != 0);                                      \
    }

ATTEND_TILES(64)
ATTEND_TILES(128)
#endif
