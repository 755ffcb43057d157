// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.cuda.kv.TableWriter;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes the pickers of answers. Device memory of pickers that have ended is kept for the next ones:
 * all use of it is in the order of one stream. The decoder's thread.
 */
final class Pickers implements AutoCloseable {
    private static final int LEAST_BYTES = 1024;
    private static final int BIAS_INTS = 3;
    private static final int ENDER_INTS = 2;

    private final Gpu device;
    private final Kernels kernels;
    private final TableWriter writer;
    private final long stream;
    private final long lastTokens;
    private final int vocabulary;
    private final int most;
    private final BitSet used = new BitSet();
    private final Map<Long, Deque<Long>> spare = new HashMap<>();
    private final Deque<Long> allocated = new ArrayDeque<>();

    /**
     * Pickers of one decoder.
     *
     * @param lastTokens address of each picker's last token
     * @param most at a time
     */
    Pickers(
            Gpu device,
            Kernels kernels,
            TableWriter writer,
            long stream,
            long lastTokens,
            int vocabulary,
            int most) {
        this.device = device;
        this.kernels = kernels;
        this.writer = writer;
        this.stream = stream;
        this.lastTokens = lastTokens;
        this.vocabulary = vocabulary;
        this.most = most;
    }

    /** Addresses and lengths of what a picker has on the device; 0 for nothing. */
    record Lists(long counts, long biases, int biasCount, long enders, int enderCount) {}

    /** Makes a request's picker. If this throws, all that was taken has been given back. */
    CudaPicker make(SamplingParams params, int[] promptTokens, int[] enders) {
        int index = used.nextClearBit(0);
        if (index >= most) {
            throw new IllegalStateException("pickers=%d allowed=%d".formatted(index + 1, most));
        }
        List<Runnable> undoing = new ArrayList<>();
        try {
            Lists lists = lists(params, promptTokens, enders, undoing);
            used.set(index);
            return new CudaPicker(this, params, index, lists);
        } catch (RuntimeException | Error cause) {
            undoing.forEach(Runnable::run);
            throw cause;
        }
    }

    private Lists lists(
            SamplingParams params, int[] promptTokens, int[] enders, List<Runnable> undoing) {
        long counts = params.penalises() ? counts(params, promptTokens, undoing) : 0;
        int[] biases = biases(params);
        long biasList = list(biases, undoing);
        int[] enderPairs = new int[enders.length * ENDER_INTS];
        for (int i = 0; i < enders.length; i++) {
            enderPairs[i * ENDER_INTS] = enders[i];
        }
        long enderList = list(enderPairs, undoing);
        return new Lists(counts, biasList, biases.length / BIAS_INTS, enderList, enders.length);
    }

    private long counts(SamplingParams params, int[] promptTokens, List<Runnable> undoing) {
        long counts = take((long) vocabulary * Integer.BYTES, undoing);
        device.fill(counts, 0, vocabulary, stream);
        if (params.repetitionPenalty() != 1 && promptTokens.length > 0) {
            mark(counts, promptTokens);
        }
        return counts;
    }

    private void mark(long counts, int[] promptTokens) {
        List<Runnable> undoing = new ArrayList<>();
        try {
            kernels.mark(counts, list(promptTokens, undoing), promptTokens.length);
        } finally {
            undoing.forEach(Runnable::run);
        }
    }

    private int[] biases(SamplingParams params) {
        int[] biases = new int[params.logitBias().size() * BIAS_INTS];
        int at = 0;
        for (Map.Entry<Integer, Float> bias : params.logitBias().entrySet()) {
            biases[at] = bias.getKey();
            biases[at + 1] = Float.floatToRawIntBits(bias.getValue());
            at += BIAS_INTS;
        }
        return biases;
    }

    /** A copy of the numbers on the device; 0 for none. */
    private long list(int[] numbers, List<Runnable> undoing) {
        if (numbers.length == 0) {
            return 0;
        }
        long address = take((long) numbers.length * Integer.BYTES, undoing);
        writer.write(address, numbers);
        return address;
    }

    /** A token was picked elsewhere. */
    void accept(int index, Lists lists, int token) {
        device.fill(lastTokens + (long) index * Integer.BYTES, token, 1, stream);
        if (lists.counts() != 0) {
            kernels.count(lists.counts(), token);
        }
    }

    void giveBack(int index, Lists lists) {
        used.clear(index);
        giveBack(lists.counts(), (long) vocabulary * Integer.BYTES);
        giveBack(lists.biases(), (long) lists.biasCount() * BIAS_INTS * Integer.BYTES);
        giveBack(lists.enders(), (long) lists.enderCount() * ENDER_INTS * Integer.BYTES);
    }

    private long take(long bytes, List<Runnable> undoing) {
        Long known = spare.computeIfAbsent(size(bytes), key -> new ArrayDeque<>()).poll();
        long address = known == null ? allocate(size(bytes)) : known;
        undoing.add(() -> giveBack(address, bytes));
        return address;
    }

    private long allocate(long bytes) {
        long address = device.allocate(bytes);
        allocated.push(address);
        return address;
    }

    private void giveBack(long address, long bytes) {
        if (address != 0) {
            spare.computeIfAbsent(size(bytes), key -> new ArrayDeque<>()).push(address);
        }
    }

    /** A power of two, so that few sizes are kept. */
    private static long size(long bytes) {
        return Math.max(LEAST_BYTES, Long.highestOneBit(bytes - 1) << 1);
    }

    @Override
    public void close() {
        allocated.forEach(device::free);
        allocated.clear();
        spare.clear();
    }
}
