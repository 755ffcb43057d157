// SPDX-License-Identifier: Apache-2.0
// Picks each row's token from its logits: one block of 1024 threads a row, at most 4194304 tokens.
// Compiled by compile.sh to sample.ptx, which is what ships.
//
// The rules are those of the host's Sampler: bias, enders, penalties, temperature; then min_p, top_k
// and top_p cut. A logit that is not a finite number is never picked. Two things differ:
// - The draw walks the kept tokens by rising id. The host walks them by rank where top_k or top_p cut,
//   so one random number may give another token there, of the same distribution.
// - A weight is a whole number of 2^-40 of the largest one, so a token less likely than that by half
//   is never drawn.
//
// The same row gives the same token, whatever the other rows are. Weights are whole numbers, so
// that their sum does not depend on an order. Their power of two is computed here, operation by
// operation, so that every GPU gives the same bits.
//
// Two rows may not share a row of logits: biases and enders are written into it.

#include <cfloat>

typedef unsigned long long u64;

struct Bias {
    int token;
    float bias;
    float raw; // Written here: the logit before the bias.
};

struct Ender {
    int token;
    float raw; // Unused.
};

// How a row's token is picked. Filled by the host; 96 bytes.
struct RowSampling {
    u64 counts; // int[vocab] or 0: low 30 bits, how often the answer has it; bit 30, in the prompt.
    u64 biases; // Bias[nBias] of different tokens, or 0.
    u64 enders; // Ender[nEnders] or 0: tokens that may not be picked.
    double random;
    double temperature; // 0 is greedy.
    double topP; // 1 keeps all.
    double minP; // 0 keeps all.
    int topK; // 0 keeps all.
    int nBias;
    int nEnders;
    float repetition;
    float presence;
    float frequency;
    int logprobs; // -1: none; else the number of alternatives.
    int slot; // Of lastTokens; -1: the row picks nothing.
    int logitsRow;
    int pad;
};

constexpr int MOST_TOPS = 20;

// A row's token: -1 if no logit is a finite number, and then the last token stays what it was.
struct Picked {
    int token;
    float logprob;
    int tops;
    int pad;
    int topTokens[MOST_TOPS];
    float topLogprobs[MOST_TOPS];
};

static_assert(sizeof(RowSampling) == 96 && sizeof(Picked) == 176, "read by Java");
static_assert(sizeof(Bias) == 12 && sizeof(Ender) == 8, "read by Java");

constexpr int THREADS = 1024;
constexpr int WARP = 32;
constexpr int WARPS = THREADS / WARP;
constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr unsigned ANY_ID = 0xffffffffu;
constexpr int IN_FLIGHT = 4; // Quads that a thread asks for before it looks at one.

constexpr int DIGIT_BITS = 11;
constexpr int DIGITS = 1 << DIGIT_BITS;
constexpr float DIGITS_PER_POWER = 48; // Of two: a weight has some 41 powers.
constexpr int KEY_BITS = 32;
constexpr int ID_BITS = 22;
constexpr int CAPACITY = 3584; // The block's shared memory stays below 48 KiB.

constexpr double LOG2_E = 1.4426950408889634;
constexpr float LARGE = 0x1p100f;
constexpr double WEIGHTLESS = 30; // Powers of e below its negative round to a weight of 0.
constexpr double ONE = 0x1p40; // Weight of the most likely token.

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

// One row of logits, read four at a time. Penalties are applied with each look at it.
struct Row {
    float* logits;
    const int* counts; // Or null.
    const RowSampling* how;
    int vocab;
    int quads; // Whole ones.
    bool aligned;
};

// Keeps the tokens above a logit, and of those that have it the ones up to an id.
struct Cut {
    float value = -FLT_MAX;
    unsigned id = ANY_ID;
    float end = INFINITY; // Logits of it and above are not kept.

    __device__ bool keeps(float v, unsigned token) const {
        return v < end && (v > value || (v == value && token <= id));
    }
};

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
static __device__ __noinline__ u64 weight_of(Scale scale, float value) {
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

// ---- The block ----

// Sum of the values of all threads before this one, and of all.
static __device__ __noinline__ u64 sum_before(u64 value, u64& total) {
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

static __device__ __noinline__ u64 largest(u64 value) {
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

// ---- The row ----

static __device__ __noinline__ float penalised(float logit, int count, const RowSampling* how) {
    if (count == 0 || !(fabsf(logit) <= FLT_MAX)) {
        return logit;
    }
    const int answered = count & 0x3fffffff;
    const double factor = how->repetition;
    double value = logit > 0 ? logit / factor : logit * factor;
    value = __dsub_rn(value, __dmul_rn(answered, (double) how->frequency));
    value = __dsub_rn(value, answered > 0 ? (double) how->presence : 0);
    return (float) fmax(-(double) FLT_MAX, fmin((double) FLT_MAX, value));
}

static __device__ float value_at(const Row& row, int id) {
    const float logit = row.logits[id];
    return row.counts == nullptr ? logit : penalised(logit, row.counts[id], row.how);
}

static __device__ float4 logits_of(const Row& row, int quad) {
    if (row.aligned) {
        return ((const float4*) row.logits)[quad];
    }
    const float* from = row.logits + 4 * quad;
    return make_float4(from[0], from[1], from[2], from[3]);
}

static __device__ int4 counts_of(const Row& row, int quad) {
    if (row.aligned) {
        return ((const int4*) row.counts)[quad];
    }
    const int* from = row.counts + 4 * quad;
    return make_int4(from[0], from[1], from[2], from[3]);
}

static __device__ __noinline__ float4 penalised(const Row& row, int quad, float4 logits) {
    const int4 counts = counts_of(row, quad);
    if ((counts.x | counts.y | counts.z | counts.w) == 0) {
        return logits;
    }
    return make_float4(
            penalised(logits.x, counts.x, row.how),
            penalised(logits.y, counts.y, row.how),
            penalised(logits.z, counts.z, row.how),
            penalised(logits.w, counts.w, row.how));
}

// Calls look(value, id) for the quads from..end in steps. A thread sees its tokens by rising id.
// It asks for N quads at once. SHORT is for a short look at a row without counts: all is unrolled.
template <int N, bool SHORT, class Look>
static __device__ void visit(const Row& of, int from, int end, int step, Look look) {
    const Row row = of; // In registers, as the cuts below: calls have put them into memory.
    const float none = -INFINITY;
    for (int quad = from; quad < end; quad += N * step) {
        float4 v[N];
#pragma unroll
        for (int i = 0; i < N; i++) {
            const bool there = quad + i * step < end;
            v[i] = there ? logits_of(row, quad + i * step)
                         : make_float4(none, none, none, none);
        }
#pragma unroll(SHORT ? N : 1)
        for (int i = 0; i < N; i++) {
            if (!SHORT && row.counts != nullptr && quad + i * step < end) {
                v[0] = penalised(row, quad + i * step, v[0]);
            }
            const unsigned id = 4u * (quad + i * step);
            look(v[0].x, id);
            look(v[0].y, id + 1);
            look(v[0].z, id + 2);
            look(v[0].w, id + 3);
#pragma unroll
            for (int next = 1; next < N; next++) {
                v[next - 1] = v[next];
            }
        }
    }
}

// The whole row, neighbouring threads beside each other.
template <int N, bool SHORT, class Look>
static __device__ void visit_all(const Row& row, Look look) {
    visit<N, SHORT>(row, threadIdx.x, row.quads, THREADS, look);
    const int id = 4 * row.quads + threadIdx.x;
    if (id < row.vocab) {
        look(value_at(row, id), (unsigned) id);
    }
}

// First token of a warp's part of the row; that of the part behind the last one is the end.
static __device__ int part(const Row& row, int warp) {
    const int quads = (row.quads + WARPS - 1) / WARPS;
    return warp == WARPS ? row.vocab : 4 * min(warp * quads, row.quads);
}

// The row in parts, one a warp.
template <class Look>
static __device__ void visit_part(const Row& row, Look look) {
    const int warp = threadIdx.x / WARP;
    const int lane = threadIdx.x % WARP;
    const int end = min(part(row, warp + 1) / 4, row.quads);
    visit<IN_FLIGHT, false>(row, part(row, warp) / 4 + lane, end, WARP, look);
    const int id = 4 * row.quads + lane;
    if (warp == WARPS - 1 && id < row.vocab) {
        look(value_at(row, id), (unsigned) id);
    }
}

// Tokens that a cut keeps, in shared memory if they fit there, else in the row.
struct Kept {
    const Row& row;
    Cut cut;
    int size; // In shared memory, or -1.

    template <class Look>
    __device__ void each_shared(Look look) const {
        const Cut cut = this->cut;
        for (int i = threadIdx.x; i < size; i += THREADS) {
            const Entry entry = shared.kept[i];
            if (cut.keeps(entry.value, entry.id)) {
                look(entry.value, entry.id);
            }
        }
    }

    template <class Look>
    __device__ void each(Look look) const {
        if (size >= 0) {
            each_shared(look);
            return;
        }
        const Cut cut = this->cut;
        visit_all<1, false>(row, [&](float value, unsigned id) {
            if (cut.keeps(value, id)) {
                look(value, id);
            }
        });
    }

    // The largest of two bounds holds.
    __device__ void raise(float value) {
        if (value > cut.value) {
            cut.value = value;
            cut.id = ANY_ID;
        }
    }

    // Between them stands a barrier.
    __device__ static void begin() {
        if (threadIdx.x == 0) {
            shared.size = 0;
        }
    }

    // Counts on only until it is clear that they don't fit.
    __device__ static void put(float value, unsigned id) {
        if (*(volatile unsigned*) &shared.size <= CAPACITY) {
            const unsigned at = atomicAdd(&shared.size, 1u);
            if (at < CAPACITY) {
                shared.kept[at] = {value, id};
            }
        }
    }

    __device__ void end() {
        __syncthreads();
        size = shared.size <= CAPACITY ? (int) shared.size : -1;
        __syncthreads();
    }

    __device__ __noinline__ void gather() {
        const Cut cut = this->cut;
        begin();
        __syncthreads();
        visit_all<IN_FLIGHT, false>(row, [&](float value, unsigned id) {
            if (cut.keeps(value, id)) {
                put(value, id);
            }
        });
        end();
    }
};

// ---- Selection by digits of a key, the largest key first ----

struct Found {
    bool reached; // The amount; else the other fields say nothing.
    unsigned key; // The one in which it is reached.
    u64 left; // Of the amount, in that key.
    u64 within; // Amount that the key has.
};

static __device__ void add_to(unsigned digit, u64 amount) {
    const unsigned low = (unsigned) amount;
    const unsigned before = atomicAdd(&shared.low[digit], low);
    const unsigned high = (unsigned) (amount >> 32) + (before + low < before ? 1 : 0);
    if (high != 0) {
        atomicAdd(&shared.high[digit], high);
    }
}

static __device__ u64 amount_of(int digit) {
    return (u64) shared.high[digit] << 32 | shared.low[digit];
}

// Finds the digit in which the amount is reached: into above, within and digit. False if in none.
template <class Wanted>
static __device__ bool find_digit(u64& wanted, bool first, Wanted wanted_of) {
    const int digit = DIGITS - 1 - 2 * threadIdx.x;
    const u64 upper = amount_of(digit);
    const u64 lower = amount_of(digit - 1);
    u64 total;
    const u64 above = sum_before(upper + lower, total);
    wanted = first ? wanted_of(total) : wanted;
    if (above < wanted && wanted <= above + upper + lower) {
        const bool in_upper = wanted <= above + upper;
        shared.digit = in_upper ? digit : digit - 1;
        shared.above = in_upper ? above : above + upper;
        shared.within = in_upper ? upper : lower;
    }
    __syncthreads();
    return wanted <= total;
}

// Adds up amounts by digit, then finds the one in which the wanted amount is reached.
template <class Visit, class Wanted>
static __device__ bool narrow(u64& wanted, bool first, Visit visit, Wanted wanted_of) {
    for (int i = threadIdx.x; i < DIGITS; i += THREADS) {
        shared.low[i] = 0;
        shared.high[i] = 0;
    }
    __syncthreads();
    visit(add_to);
    __syncthreads();
    return find_digit(wanted, first, wanted_of);
}

// Finds the key in which an amount is reached. visit calls back with keys and amounts;
// wanted_of(total) says the amount, at least 1.
template <int BITS, class Visit, class Wanted>
static __device__ Found select(Visit visit, Wanted wanted_of) {
    static_assert(2 * THREADS == DIGITS, "two digits a thread");
    Found found = {true, 0, 0, 0};
    u64 wanted = 0;
#pragma unroll 1
    for (int high = BITS, low; high > 0; high = low) {
        low = max(high - DIGIT_BITS, 0);
        const unsigned mask = (1u << (high - low)) - 1;
        const auto digits = [&](auto add) {
            visit([&](unsigned key, u64 amount) {
                if (high == BITS || key >> high == found.key >> high) {
                    add(key >> low & mask, amount);
                }
            });
        };
        if (!narrow(wanted, high == BITS, digits, wanted_of)) {
            found.reached = false;
            return found;
        }
        wanted -= shared.above;
        found.key |= shared.digit << low;
        found.within = shared.within;
        __syncthreads(); // The next digit is written there.
    }
    found.left = wanted;
    return found;
}

// Cuts behind the token in which an amount is reached, where each of its logit has the same amount.
static __device__ __noinline__ void cut_behind(Kept& kept, const Found& found, u64 amount) {
    const u64 equals = (found.left + amount - 1) / amount;
    Cut cut = kept.cut; // An earlier cut among the same equals holds.
    if (value_of(found.key) > cut.value) {
        cut.value = value_of(found.key);
        cut.id = ANY_ID;
    }
    if (equals * amount < found.within) {
        const unsigned mask = (1u << ID_BITS) - 1;
        const Found last = select<ID_BITS>(
                [&](auto add) {
                    kept.each([&](float value, unsigned id) {
                        if (value == cut.value) {
                            add(~id & mask, 1);
                        }
                    });
                },
                [&](u64) { return equals; });
        cut.id = ~last.key & mask;
    }
    kept.cut = cut;
}

// Keeps the first ones in the order: by falling logit, then by rising id.
static __device__ __noinline__ void keep_first(Kept& kept, u64 count) {
    const Found found = select<KEY_BITS>(
            [&](auto add) {
                kept.each([&](float value, unsigned) { add(key_of(value), 1); });
            },
            [&](u64) { return count; });
    if (found.reached) {
        cut_behind(kept, found, 1);
    }
}

// Bounds the first ones by each thread's largest logit: so many threads, so many tokens at least.
static __device__ __noinline__ void bound_first(Kept& kept, int count, u64 thread_best) {
    const unsigned key = (unsigned) (thread_best >> 32);
    const Found found = select<KEY_BITS>(
            [&](auto add) {
                if (key != 0) {
                    add(key, 1);
                }
            },
            [&](u64) { return (u64) count; });
    if (found.reached) {
        kept.raise(value_of(found.key));
    }
}

// ---- Picking ----

template <bool SHORT>
static __device__ __noinline__ u64 best_of(const Row& row) {
    float most = -INFINITY;
    unsigned best = 0;
    visit_all<IN_FLIGHT, SHORT>(row, [&](float value, unsigned id) {
        if (value > most && value <= FLT_MAX) {
            most = value;
            best = id;
        }
    });
    const unsigned key = key_of(most);
    return key == 0 ? 0 : (u64) key << 32 | (unsigned) ~best;
}

// This thread's best token: its key, and below it the inverse of its id; 0 if it has none.
static __device__ u64 thread_best(const Row& row) {
    return row.counts == nullptr ? best_of<true>(row) : best_of<false>(row);
}

static __device__ u64 nucleus(double share, u64 total) {
    const double wanted = ceil(share * (double) total);
    return wanted >= (double) total ? total : wanted < 1 ? 1 : (u64) wanted;
}

// How much lies before the drawn token.
static __device__ u64 drawn(double random, u64 total) {
    const u64 left = (u64) (random * (double) total);
    return left < total ? left : total - 1; // The product may be rounded up.
}

// Cuts what min_p excludes, and what has no weight in any case.
static __device__ void cut_unlikely(Kept& kept, float most, const RowSampling* how) {
    const double lightest = most - WEIGHTLESS * how->temperature;
    kept.raise(lightest > -FLT_MAX ? (float) lightest : -FLT_MAX);
    if (how->minP == 0) {
        return;
    }
    if (threadIdx.x == 0) {
        const double lowest = log(how->minP);
        // By the host's own comparison, since a bound may be rounded to the wrong side.
        unsigned key = key_of(-FLT_MAX);
        for (unsigned above = key_of(most); key < above; ) {
            const unsigned middle = key + (above - key) / 2;
            if (((double) value_of(middle) - most) / how->temperature < lowest) {
                key = middle + 1;
            } else {
                above = middle;
            }
        }
        shared.value = value_of(key);
    }
    __syncthreads();
    kept.raise(shared.value);
}

// Draws by rising id from tokens in shared memory.
static __device__ __noinline__ int draw_kept(const Kept& kept, Scale scale, double random) {
    const unsigned mask = (1u << ID_BITS) - 1;
    const Found found = select<ID_BITS>(
            [&](auto add) {
                kept.each_shared([&](float value, unsigned id) {
                    add(~id & mask, scale.weight(value));
                });
            },
            [&](u64 total) { return drawn(random, total) + 1; });
    return ~found.key & mask;
}

// Walks through a part of the row until the weight before a token would be more than left.
static __device__ __noinline__ int walk(const Kept& kept, Scale scale, int from, u64 left) {
    for (;; from += 4 * THREADS) {
        u64 weights[4];
        u64 sum = 0;
        const int first = from + 4 * threadIdx.x;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int id = first + i;
            const float value = id < kept.row.vocab ? value_at(kept.row, id) : -INFINITY;
            weights[i] = kept.cut.keeps(value, id) ? weight_of(scale, value) : 0;
            sum += weights[i];
        }
        u64 total;
        u64 before = sum_before(sum, total);
        if (before <= left && left < before + sum) {
            int i = 0;
            while (left >= before + weights[i]) {
                before += weights[i++];
            }
            shared.token = first + i;
        }
        if (left < total) {
            break;
        }
        left -= total;
    }
    __syncthreads();
    return shared.token;
}

// Draws by rising id from the row: adds up its parts, and walks through the one that is hit.
static __device__ __noinline__ int draw_row(const Kept& kept, Scale scale, double random) {
    const Cut cut = kept.cut;
    u64 sum = 0;
    visit_part(kept.row, [&](float value, unsigned id) {
        if (cut.keeps(value, id)) {
            sum += scale.weight(value);
        }
    });
    u64 total;
    const u64 before = sum_before(sum, total);
    const u64 left = drawn(random, total);
    const u64 part_before = __shfl_sync(ALL_LANES, before, 0);
    if (threadIdx.x % WARP == WARP - 1 && part_before <= left && left < before + sum) {
        shared.segment = threadIdx.x / WARP;
        shared.above = part_before;
    }
    __syncthreads();
    return walk(kept, scale, part(kept.row, shared.segment), left - shared.above);
}

// Lowest logit of a digit or a higher one.
static __device__ float edge(Scale scale, unsigned digit) {
    unsigned key = key_of(-FLT_MAX);
    for (unsigned above = key_of(scale.most); key < above;) {
        const unsigned middle = key + (above - key) / 2;
        if (scale.digit(value_of(middle)) < digit) {
            key = middle + 1;
        } else {
            above = middle;
        }
    }
    return digit < DIGITS ? value_of(key) : INFINITY;
}

// Cuts the row where it reaches an amount: top_k counts, else top_p weighs. The row is looked at as
// a whole for a digit that may hold the border, and then the tokens of that digit only.
static __device__ __noinline__ void cut_row(Kept& kept, Scale scale) {
    const RowSampling* how = kept.row.how;
    const bool counts = how->topK > 0;
    const Cut cut = kept.cut;
    u64 left = 0;
    const bool reached = narrow(
            left,
            true,
            [&](auto add) {
                visit_all<IN_FLIGHT, false>(kept.row, [&](float value, unsigned id) {
                    if (cut.keeps(value, id)) {
                        add(scale.digit(value), counts ? 1 : scale.weight(value));
                    }
                });
            },
            [&](u64 total) { return counts ? (u64) how->topK : nucleus(how->topP, total); });
    if (!reached) {
        kept.gather();
        return;
    }
    left -= shared.above;
    if (threadIdx.x < 2) {
        shared.edges[threadIdx.x] = edge(scale, shared.digit + threadIdx.x);
    }
    __syncthreads();
    kept.raise(shared.edges[0]);
    Kept border = {kept.row, kept.cut, -1};
    border.cut.end = shared.edges[1];
    kept.gather();
    border.size = kept.size;
    if (kept.size < 0) {
        border.gather();
    }
    const Found found = select<KEY_BITS>(
            [&](auto add) {
                border.each([&](float value, unsigned) {
                    add(key_of(value), counts ? 1 : weight_of(scale, value));
                });
            },
            [&](u64) { return left; });
    cut_behind(border, found, counts ? 1 : weight_of(scale, value_of(found.key)));
    kept.cut.value = border.cut.value;
    kept.cut.id = border.cut.id;
}

// Cuts by top_p what top_k left.
static __device__ __noinline__ void cut_first(Kept& kept, Scale scale) {
    const double share = kept.row.how->topP;
    const Found found = select<KEY_BITS>(
            [&](auto add) {
                kept.each([&](float value, unsigned) {
                    add(key_of(value), weight_of(scale, value));
                });
            },
            [&](u64 total) { return nucleus(share, total); });
    cut_behind(kept, found, weight_of(scale, value_of(found.key)));
}

static __device__ void cut_kept(Kept& kept, Scale scale, u64 best) {
    const RowSampling* how = kept.row.how;
    if (how->topK > 0 && how->topK <= THREADS) {
        bound_first(kept, how->topK, best);
        kept.gather();
        keep_first(kept, how->topK);
    } else if (how->topK > 0 || how->topP != 1) {
        cut_row(kept, scale);
    }
    if (how->topK > 0 && how->topP != 1) {
        cut_first(kept, scale);
    }
}

static __device__ __noinline__ int draw(const Row& row, float most, u64 best) {
    const RowSampling* how = row.how;
    const Scale scale = Scale::of(most, how->temperature);
    Kept kept = {row, {}, -1};
    cut_unlikely(kept, most, how);
    cut_kept(kept, scale, best);
    return kept.size >= 0 ? draw_kept(kept, scale, how->random)
                          : draw_row(kept, scale, how->random);
}

// Writes a row's alternatives; the logarithm of the sum of e to each logit.
static __device__ __noinline__ double alternatives(const Row& raw, float most, u64 best, Picked* picked) {
    const int count = raw.how->logprobs;
    const Scale scale = Scale::of(most, 1);
    Kept kept = {raw, {}, -1};
    if (count > 0) {
        bound_first(kept, count, best);
    }
    const float bound = kept.cut.value;
    Kept::begin();
    __syncthreads();
    u64 sum = 0;
    visit_all<IN_FLIGHT, false>(raw, [&](float value, unsigned id) {
        if (value <= FLT_MAX && value >= -FLT_MAX) {
            sum += scale.weight(value);
            if (count > 0 && value >= bound) {
                Kept::put(value, id);
            }
        }
    });
    kept.end();
    u64 total;
    sum_before(sum, total);
    const double norm = most + log((double) total / ONE);
    if (count == 0) {
        return norm;
    }
    keep_first(kept, count);
    Kept::begin();
    __syncthreads();
    kept.each([&](float value, unsigned id) {
        shared.tops[atomicAdd(&shared.size, 1u)] = {value, id};
    });
    __syncthreads();
    const unsigned size = shared.size;
    if (threadIdx.x < size) {
        const Entry own = shared.tops[threadIdx.x];
        int rank = 0;
        for (unsigned i = 0; i < size; i++) {
            const Entry other = shared.tops[i];
            rank += other.value > own.value || (other.value == own.value && other.id < own.id);
        }
        picked->topTokens[rank] = own.id;
        picked->topLogprobs[rank] = (float) (own.value - norm);
    }
    if (threadIdx.x == 0) {
        picked->tops = size;
    }
    return norm;
}

// Writes biases and enders into the logits.
static __device__ void change(const Row& row) {
    const RowSampling* how = row.how;
    Bias* biases = (Bias*) how->biases;
    for (int i = threadIdx.x; i < how->nBias; i += THREADS) {
        const int token = biases[i].token;
        if (token >= 0 && token < row.vocab) {
            const float logit = row.logits[token];
            biases[i].raw = logit;
            row.logits[token] = __fadd_rn(logit, biases[i].bias);
        }
    }
    __syncthreads();
    const Ender* enders = (const Ender*) how->enders;
    for (int i = threadIdx.x; i < how->nEnders; i += THREADS) {
        const int token = enders[i].token;
        if (token >= 0 && token < row.vocab) {
            row.logits[token] = -INFINITY;
        }
    }
    __syncthreads();
}

// The picked token's logit before all changes: it is no ender.
static __device__ float raw_of(const Row& row, int token) {
    const RowSampling* how = row.how;
    const Bias* biases = (const Bias*) how->biases;
    if (threadIdx.x == 0) {
        shared.value = row.logits[token];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < how->nBias; i += THREADS) {
        if (biases[i].token == token) {
            shared.value = biases[i].raw;
        }
    }
    __syncthreads();
    return shared.value;
}

extern "C" __global__ void __launch_bounds__(THREADS) sample(
        float* logits, int vocab, const RowSampling* rows, int* lastTokens, Picked* picked) {
    const RowSampling* how = rows + blockIdx.x;
    picked += blockIdx.x;
    if (how->slot < 0) {
        return;
    }
    float* own = logits + (size_t) how->logitsRow * vocab;
    int* counts = (int*) how->counts;
    const bool aligned = (((size_t) own | (size_t) counts) & 15) == 0;
    const Row raw = {own, nullptr, how, vocab, vocab / 4, aligned};
    const Row row = {own, counts, how, vocab, vocab / 4, aligned};
    const bool changed = counts != nullptr || how->nBias > 0 || how->nEnders > 0;
    u64 mine = 0;
    u64 best = 0;
    double norm = 0;
    if (threadIdx.x == 0) {
        picked->tops = 0;
    }
    if (how->logprobs >= 0) {
        mine = thread_best(raw);
        best = largest(mine);
        norm = best == 0 ? 0 : alternatives(raw, value_of(best >> 32), mine, picked);
    }
    if (changed) {
        change(row);
    }
    if (changed || how->logprobs < 0) {
        mine = thread_best(row);
        best = largest(mine);
    }
    const bool greedy = how->temperature == 0 || how->topK == 1;
    const int token = best == 0 ? -1
                    : greedy    ? (int) ~(unsigned) best
                                : draw(row, value_of(best >> 32), mine);
    const bool told = how->logprobs >= 0 && token >= 0;
    const float logprob = told ? (float) (raw_of(row, token) - norm) : 0;
    if (threadIdx.x == 0) {
        picked->token = token;
        picked->logprob = logprob;
        if (token >= 0) {
            lastTokens[how->slot] = token;
            if (counts != nullptr) {
                counts[token]++;
            }
        }
    }
}
