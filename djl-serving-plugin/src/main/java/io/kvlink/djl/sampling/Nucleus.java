// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

/**
 * Finds the fewest most likely tokens that make up a share of all weight, without sorting the
 * vocabulary. Weights are added up by size, eight sizes to each power of two. Only the tokens of
 * the size in which the share is reached are sorted. One thread.
 */
final class Nucleus {
    // A weight is 2^-64 to 1; its exponent and its three highest bits are its size.
    private static final int SIZE_SHIFT = 49;
    private static final int LARGEST = 1023 << 3;
    private static final int SIZES = (64 << 3) + 1;

    private final double[] mass = new double[SIZES];
    private final double[] weights;
    private final float[] logits;
    // Tokens of the size in which the share is reached.
    private int reaching;

    /**
     * @param weights 0, or e to a power of 0 to {@link Exponential#LOWEST}; one a token
     */
    Nucleus(double[] weights, float[] logits) {
        this.weights = weights;
        this.logits = logits;
        for (int token = 0; token < logits.length; token++) {
            if (weights[token] > 0) {
                mass[size(weights[token])] += weights[token];
            }
        }
    }

    /**
     * Puts the tokens into {@code tokens}.
     *
     * @return how many there are, at least one
     */
    int find(double share, int[] tokens) {
        double wanted = share * total();
        int last = 0;
        double above = 0;
        while (last < SIZES - 1 && above + mass[last] < wanted) {
            above += mass[last++];
        }
        int end = collect(tokens, last);
        int whole = end - reaching;
        TopTokens.sort(tokens, whole, end, logits);
        int kept = whole;
        while (kept < end && (kept == 0 || above < wanted)) {
            above += weights[tokens[kept++]];
        }
        return kept;
    }

    /** Puts the tokens of all larger sizes, and behind them those of the last one; their end. */
    private int collect(int[] tokens, int last) {
        double smallest = smallest(last);
        double larger = last == 0 ? Double.POSITIVE_INFINITY : smallest(last - 1);
        int end = 0;
        int back = tokens.length;
        for (int token = 0; token < logits.length; token++) {
            if (weights[token] >= larger) {
                tokens[end++] = token;
            } else if (weights[token] >= smallest) {
                tokens[--back] = token;
            }
        }
        reaching = tokens.length - back;
        System.arraycopy(tokens, back, tokens, end, reaching);
        return end + reaching;
    }

    /** The least weight of a size. */
    private static double smallest(int size) {
        return Double.longBitsToDouble((long) (LARGEST - size) << SIZE_SHIFT);
    }

    private double total() {
        double total = 0;
        for (double part : mass) {
            total += part;
        }
        return total;
    }

    /** 0 is the largest. */
    private static int size(double weight) {
        return LARGEST - (int) (Double.doubleToRawLongBits(weight) >>> SIZE_SHIFT);
    }
}
