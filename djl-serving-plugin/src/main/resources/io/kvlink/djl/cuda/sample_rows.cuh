// SPDX-License-Identifier: Apache-2.0
// Structures that the host and sample.cu share: little-endian, without gaps.
#pragma once

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
