// SPDX-License-Identifier: Apache-2.0
// Causal attention of prompt chunks over KV in blocks of 16 tokens, on tensor cores. Scores never
// leave the registers. Compiled by compile.sh to flash.ptx, which is what ships.
//
// Launch: grid (tiles, heads), 128 threads, and dynamic shared memory as below. A launch with more
// than 48 KiB needs the function's attribute for it.
//
//   kernel                          queries a tile  shared bytes  thread blocks an SM of an H200
//   flash_bf16_128, flash_f16_128   128             81952         2
//   flash_bf16_64, flash_f16_64     128             40992         2
//
// Tiles are computed from the last to the first: list those with many keys last. Rows of qkv, kv
// and out begin at multiples of 16 bytes. Keys outside of what a tile sees are never read.
//
// A query's result has the same bits in any tile, chunk and call. Key tiles begin at multiples of
// KEYS, and a key tile that a query doesn't see changes nothing of its sums.

#include "tiles.cuh"

constexpr int QUERIES = 128;
constexpr int KEYS = 64;
constexpr int WARPS = 4;
constexpr int THREADS = WARPS * 32;
constexpr int BLOCK = 16; // Tokens of a KV block.
constexpr int BLOCKS = KEYS / BLOCK;
constexpr int M = QUERIES / WARPS / 16; // Fragments of 16 queries a warp has.
constexpr int N = KEYS / 8;
constexpr int ALL = 1 << 30; // Window that nothing falls out of.

// Tokens of one sequence: rows firstRow.. are positions position.. of it.
struct Chunk {
    int slot;
    int firstRow;
    int position;
    int count;
};

// What one thread block computes: rows of one chunk, for one head.
struct Tile {
    int row;   // Row of the first query.
    int start; // Position of the first query.
    int end;   // One past the position of the last query.
    int low;   // First key that any of the queries sees.
    const int* table;
};

static __device__ __forceinline__ Tile tileOf(const Chunk* chunks, const int* tiles, int number,
        const int* tables, int maxBlocks, int window) {
    const Chunk chunk = chunks[tiles[2 * number]];
    const int first = tiles[2 * number + 1];
    Tile tile;
    tile.row = chunk.firstRow + first;
    tile.start = chunk.position + first;
    tile.end = tile.start + min(QUERIES, chunk.count - first);
    tile.low = max(0, tile.start + 1 - window);
    tile.table = tables + (long) chunk.slot * maxBlocks;
    return tile;
}

// Shared memory: the queries, three buffers for tiles of keys or values, and block numbers of two
// tiles of keys. A row has D elements in pieces of 16 bytes. Piece c of row r lies at c ^ (r % 8):
// pieces of eight rows with one number lie in different banks.
template <int D>
struct Layout {
    static constexpr int ROW = D * 2;
    static constexpr int PIECES = D / 8;
    static constexpr int STEP = THREADS / PIECES; // Rows that all threads copy at once.
    static constexpr int BUFFER = KEYS * ROW;
    static constexpr int BUFFERS = QUERIES * ROW;
    static constexpr int NUMBERS = BUFFERS + 3 * BUFFER;
    static constexpr int ALL_BUFFERS = 3 * BUFFERS + 3 * BUFFER; // Sum of where the three begin.

    static __device__ __forceinline__ unsigned piece(int row, int number) {
        return row * ROW + ((number ^ (row & 7)) << 4);
    }
};

// Copies of one thread: piece `threadIdx.x % PIECES` of every STEP-th row.
template <class T, int D>
struct Copies {
    using L = Layout<D>;
    unsigned memory;
    Tile tile;
    const T* kv; // This thread's piece of token `threadIdx.x / PIECES` of block 0.
    int tokenStride;

    __device__ __forceinline__ Copies(unsigned memory, const Tile& tile, const T* kv, int kvHeads,
            int kvHead) : memory(memory), tile(tile), tokenStride(kvHeads * D) {
        const int row = threadIdx.x / L::PIECES;
        this->kv = kv + (long) row * tokenStride + kvHead * D + threadIdx.x % L::PIECES * 8;
    }

    __device__ __forceinline__ unsigned target() const {
        return memory + L::piece(threadIdx.x / L::PIECES, threadIdx.x % L::PIECES);
    }

    __device__ __forceinline__ bool isSeen(int key) const {
        return key >= tile.low && key < tile.end;
    }

    // Numbers of the blocks of key tile `number`; 0 for a block without a key that is seen.
    __device__ __forceinline__ void numbers(int number) const {
        if (threadIdx.x < BLOCKS) {
            const int block = number * BLOCKS + threadIdx.x;
            const unsigned to = memory + L::NUMBERS + ((number & 1) * BLOCKS + threadIdx.x) * 4;
            const bool seen = block * BLOCK < tile.end && block * BLOCK + BLOCK > tile.low;
            copy4(to, tile.table + (seen ? block : 0), seen ? 4 : 0);
        }
    }

    // Keys or values of key tile `number`. What isn't seen becomes zeros.
    __device__ __forceinline__ void keys(int number, long offset, unsigned buffer) const {
        const unsigned to = target() + buffer;
        const unsigned blocks = memory + L::NUMBERS + (number & 1) * BLOCKS * 4;
        const int key = number * KEYS + threadIdx.x / L::PIECES;
        const T* from = kv + offset;
#pragma unroll
        for (int i = 0; i < KEYS / L::STEP; i++) {
            const int row = i * L::STEP;
            const long block = (int) loadShared(blocks + row / BLOCK * 4);
            const T* token = from + block * (BLOCK * tokenStride) + row % BLOCK * tokenStride;
            copy16(to + row * L::ROW, token, isSeen(key + row) ? 16 : 0);
        }
    }

    __device__ __forceinline__ void queries(const T* qkv, long stride, int head) const {
        const int count = tile.end - tile.start;
        const T* from = qkv + tile.row * stride + head * D + threadIdx.x % L::PIECES * 8;
#pragma unroll
        for (int i = 0; i < QUERIES / L::STEP; i++) {
            const int row = i * L::STEP + threadIdx.x / L::PIECES;
            const bool real = row < count;
            const unsigned to = target() + i * L::STEP * L::ROW;
            copy16(to, from + (real ? row : 0) * stride, real ? 16 : 0);
        }
    }
};

// Softmax and weighted sum of one warp's 16 * M queries. Of each fragment a thread holds rows
// lane / 4 and lane / 4 + 8, with columns 2 * (lane % 4) and the next of every eight.
template <class T, int D>
struct Sums {
    using L = Layout<D>;
    float output[M][D / 8][4];
    float highest[M][2]; // Highest score so far, times scale.
    float total[M][2];   // This thread's share of the sum of weights.

    __device__ __forceinline__ Sums() {
#pragma unroll
        for (int m = 0; m < M; m++) {
#pragma unroll
            for (int n = 0; n < D / 8; n++) {
                output[m][n][0] = output[m][n][1] = output[m][n][2] = output[m][n][3] = 0;
            }
            highest[m][0] = highest[m][1] = -INFINITY;
            total[m][0] = total[m][1] = 0;
        }
    }

    // Turns scores into weights relative to the new highest score, and brings the sums to it.
    __device__ __forceinline__ void weigh(float (&scores)[M][N][4], float scale) {
#pragma unroll
        for (int m = 0; m < M; m++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float high = -INFINITY;
#pragma unroll
                for (int n = 0; n < N; n++) {
                    high = fmaxf(high, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
                }
                high = fmaxf(high, otherLane(high, 1));
                high = fmaxf(high, otherLane(high, 2));
                const float before = highest[m][half];
                highest[m][half] = fmaxf(before, high * scale);
                // A row that has seen no key yet has no highest score.
                const float base = highest[m][half] == -INFINITY ? 0 : highest[m][half];
                // Exactly 1 without a higher score: what isn't seen leaves the sums' bits alone.
                const float less = powerOfTwo(before - base);
                float sum = total[m][half] * less;
#pragma unroll
                for (int n = 0; n < N; n++) {
#pragma unroll
                    for (int i = 2 * half; i < 2 * half + 2; i++) {
                        scores[m][n][i] = powerOfTwo(fmaf(scores[m][n][i], scale, -base));
                        sum += scores[m][n][i];
                    }
                }
                total[m][half] = sum;
#pragma unroll
                for (int n = 0; n < D / 8; n++) {
                    output[m][n][2 * half] *= less;
                    output[m][n][2 * half + 1] *= less;
                }
            }
        }
    }

    // Adds the values by their weights.
    __device__ __forceinline__ void add(const float (&weights)[M][N][4], unsigned values,
            int lane) {
        const unsigned from = values + L::piece(lane & 15, lane >> 4);
#pragma unroll
        for (int k = 0; k < KEYS / 16; k++) {
            unsigned rounded[M][4];
#pragma unroll
            for (int m = 0; m < M; m++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    const float* pair = &weights[m][2 * k + i / 2][i % 2 * 2];
                    rounded[m][i] = pack<T>(pair[0], pair[1]);
                }
            }
#pragma unroll
            for (int n = 0; n < D / 16; n++) {
                unsigned value[4];
                loadTransposed(value, (from ^ (n << 5)) + k * 16 * L::ROW);
#pragma unroll
                for (int m = 0; m < M; m++) {
                    multiplyAdd<T>(output[m][2 * n], rounded[m], value[0], value[1]);
                    multiplyAdd<T>(output[m][2 * n + 1], rounded[m], value[2], value[3]);
                }
            }
        }
    }

    // Puts the averages, rounded, where the warp's queries lay in shared memory.
    __device__ __forceinline__ void finish(unsigned queries, int lane) {
#pragma unroll
        for (int m = 0; m < M; m++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float sum = total[m][half];
                sum += otherLane(sum, 1);
                sum += otherLane(sum, 2);
                const float share = 1 / sum;
                const int row = m * 16 + half * 8 + lane / 4;
#pragma unroll
                for (int n = 0; n < D / 8; n++) {
                    const float* pair = &output[m][n][2 * half];
                    storeShared(queries + L::piece(row, n) + lane % 4 * 4,
                            pack<T>(pair[0] * share, pair[1] * share));
                }
            }
        }
    }
};

// Products of the warp's queries and the tile's keys.
template <class T, int D>
static __device__ __forceinline__ void score(float (&scores)[M][N][4], unsigned queries,
        unsigned keys, int lane) {
    using L = Layout<D>;
    const unsigned fromQuery = queries + L::piece(lane & 15, lane >> 4);
    const unsigned fromKey = keys + L::piece((lane & 7) + (lane >> 4 << 3), lane >> 3 & 1);
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int n = 0; n < N; n++) {
            scores[m][n][0] = scores[m][n][1] = scores[m][n][2] = scores[m][n][3] = 0;
        }
    }
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
        unsigned query[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) {
            loadMatrices(query[m], (fromQuery ^ (k << 5)) + m * 16 * L::ROW);
        }
#pragma unroll
        for (int n = 0; n < N / 2; n++) {
            unsigned key[4];
            loadMatrices(key, (fromKey ^ (k << 5)) + n * 16 * L::ROW);
#pragma unroll
            for (int m = 0; m < M; m++) {
                multiplyAdd<T>(scores[m][2 * n], query[m], key[0], key[1]);
                multiplyAdd<T>(scores[m][2 * n + 1], query[m], key[2], key[3]);
            }
        }
    }
}

// Hides keys after a query and before its window. The first query is `ahead` positions after the
// first key.
static __device__ __forceinline__ void mask(float (&scores)[M][N][4], int ahead, int window,
        int lane) {
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int last = ahead + m * 16 + i / 2 * 8 + lane / 4 - lane % 4 * 2;
                const int key = n * 8 + i % 2;
                if (key > last || key <= last - window) {
                    scores[m][n][i] = -INFINITY;
                }
            }
        }
    }
}

// Writes the warp's rows, 16 bytes a lane.
template <class T, int D>
static __device__ __forceinline__ void store(T* out, long stride, unsigned rows, int count,
        int lane) {
    using L = Layout<D>;
    constexpr int STEP = 32 / L::PIECES;
#pragma unroll
    for (int i = 0; i < 16 * M / STEP; i++) {
        const int row = i * STEP + lane / L::PIECES;
        if (row < count) {
            const int number = lane % L::PIECES;
            const uint4 piece = loadShared16(rows + L::piece(row, number));
            *(uint4*) (out + row * stride + number * 8) = piece;
        }
    }
}

template <class T, int D>
static __device__ __forceinline__ void flash(const T* qkv, long qStride, T* out, long outStride,
        const T* kv, long valueOffset, const int* tables, int maxBlocks, const Chunk* chunks,
        const int* tiles, float scale, int heads, int kvHeads, int window) {
    using L = Layout<D>;
    const int turn = blockIdx.y * gridDim.x + blockIdx.x;
    const int head = turn % heads;
    window = window > 0 ? window : ALL;
    const int tileNumber = gridDim.x - 1 - turn / heads;
    const Tile tile = tileOf(chunks, tiles, tileNumber, tables, maxBlocks, window);
    const unsigned memory = sharedMemory();
    const Copies<T, D> copies(memory, tile, kv, kvHeads, head / (heads / kvHeads));
    int number = tile.low / KEYS;
    const int lastNumber = (tile.end - 1) / KEYS;

    copies.numbers(number);
    endCopies();
    awaitCopies<0>();
    awaitBlock();
    // Buffers turn round: the third takes the next keys, then the keys' takes the next values.
    unsigned keys = L::BUFFERS;
    unsigned values = keys + L::BUFFER;
    copies.queries(qkv, qStride, head);
    copies.keys(number, 0, keys);
    copies.numbers(number + 1);
    endCopies();
    copies.keys(number, valueOffset, values);
    endCopies();

    const int lane = threadIdx.x % 32;
    const int firstRow = threadIdx.x / 32 * 16 * M;
    const unsigned queries = memory + firstRow * L::ROW;
    const int first = tile.start + firstRow;
    scale *= 1.44269504088896340736f; // 2 to the power x * log2(e) is e to the power x.
    Sums<T, D> sums;
    for (; number <= lastNumber; number++) {
        const int key = number * KEYS;
        // Whole warps skip what none of their queries sees, but copy and wait like the others.
        const bool sees =
                first < tile.end && key < first + 16 * M && key + KEYS > first + 1 - window;
        float scores[M][N][4];
        awaitCopies<1>();
        awaitBlock();
        if (number < lastNumber) {
            copies.keys(number + 1, 0, L::ALL_BUFFERS - keys - values);
            copies.numbers(number + 2);
        }
        endCopies();
        if (sees) {
            score<T, D>(scores, queries, memory + keys, lane);
            if (key + KEYS - 1 > first || key <= first + 16 * M - 1 - window) {
                mask(scores, first - key, window, lane);
            }
            sums.weigh(scores, scale);
        }
        awaitCopies<1>();
        awaitBlock();
        if (number < lastNumber) {
            copies.keys(number + 1, valueOffset, keys);
        }
        endCopies();
        if (sees) {
            sums.add(scores, memory + values, lane);
        }
        const unsigned next = L::ALL_BUFFERS - keys - values;
        values = keys;
        keys = next;
    }
    sums.finish(queries, lane);
    awaitWarp();
    T* rows = out + (tile.row + firstRow) * outStride + head * D;
    store<T, D>(rows, outStride, queries, tile.end - first, lane);
}

#define FLASH(NAME, T, D)                                                                         \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) NAME(const T* qkv, long qStride,     \
            T* out, long outStride, const T* kv, long valueOffset, const int* tables,             \
            int maxBlocks, const Chunk* chunks, const int* tiles, float scale, int heads,         \
            int kvHeads, int window) {                                                            \
        flash<T, D>(qkv, qStride, out, outStride, kv, valueOffset, tables, maxBlocks, chunks,     \
                tiles, scale, heads, kvHeads, window);                                            \
    }

FLASH(flash_bf16_128, bf16, 128)
FLASH(flash_bf16_64, bf16, 64)
FLASH(flash_f16_128, f16, 128)
FLASH(flash_f16_64, f16, 64)
