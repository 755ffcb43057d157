// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One row times a matrix, with the bits that the math library gives the row among many. Libraries
 * compute one row by another order of sums than several, which would make a lone sequence's bits
 * differ from those it has in a batch; filling up to several rows costs two to three times as much
 * as one. So one row is computed here, in the order of the many: fused multiply-adds along the
 * input, in blocks whose sums are added at the end. How long those blocks are is tried out.
 *
 * <p>Takes the matrix a second time, on the heap. Decoder's thread.
 */
final class SingleRow {
    /** Rows that certainly go the way of many. */
    private static final int MANY = 16;

    private static final int LONGEST_TRIED = 1024;
    private static final int TRIED_STEP = 16;
    private static final int STRANDS = 4;

    private final float[][] strands;
    private final int block;
    private final float[] input;
    private final float[] sum;
    private final float[] part;
    private final float @Nullable [] bias;
    private final NDArray output;
    private final FloatBuffer outputFloats;

    private SingleRow(
            float[][] strands, int in, int block, float @Nullable [] bias, NDArray output) {
        this.strands = strands;
        this.block = block;
        this.bias = bias;
        this.input = new float[in];
        this.sum = new float[Math.toIntExact(output.size())];
        this.part = new float[sum.length];
        this.output = output;
        this.outputFloats = CpuArrays.floats(output);
    }

    /**
     * What computes a row as {@code projection} computes it among many.
     *
     * @param manager of the weights; owns what is kept in native memory
     * @return empty if no order that is known here gives the library's bits
     */
    static Optional<SingleRow> like(NDManager manager, Projection projection) {
        int in = projection.inputs();
        int out = projection.outputs();
        float[][] strands = strands(projection);
        NDArray added = projection.bias();
        float[] bias = added == null ? null : added.toFloatArray();
        float[] rows = new float[MANY * in];
        Random random = new Random(1);
        for (int i = 0; i < rows.length; i++) {
            rows[i] = (float) random.nextGaussian();
        }
        try (NDManager scratch = manager.newSubManager()) {
            NDArray many = projection.product(scratch.create(rows, new Shape(MANY, in)));
            float[] expected = Arrays.copyOf(many.toFloatArray(), out);
            NDArray output = scratch.create(new Shape(1, out), DataType.FLOAT32);
            for (int block : blocks(in)) {
                SingleRow tried = new SingleRow(strands, in, block, bias, output);
                System.arraycopy(rows, 0, tried.input, 0, in);
                if (Float.compare(tried.first(), expected[0]) != 0) {
                    continue; // Most end here: a whole product for each would take long.
                }
                tried.multiply();
                if (Arrays.equals(tried.sum, expected)) {
                    output.attach(manager);
                    return Optional.of(tried);
                }
            }
        }
        return Optional.empty();
    }

    // The matrix by the input, {@code [in, out]}, each fourth input's numbers in the same array: as
    // few and large arrays as the compiler makes vectors of. Small ones the garbage collector
    // scatters, which costs a fifth of the speed.
    private static float[][] strands(Projection projection) {
        int in = projection.inputs();
        int out = projection.outputs();
        float[] matrix = projection.weight().toFloatArray();
        float[][] strands = new float[STRANDS][(in + STRANDS - 1) / STRANDS * out];
        for (int i = 0; i < in; i++) {
            float[] strand = strands[i % STRANDS];
            int to = i / STRANDS * out;
            if (!projection.outRows()) {
                System.arraycopy(matrix, i * out, strand, to, out);
                continue;
            }
            for (int o = 0; o < out; o++) {
                strand[to + o] = matrix[o * in + i];
            }
        }
        return strands;
    }

    /** Lengths of blocks that are tried: all of it, its half and its third, multiples of 16. */
    private static int[] blocks(int in) {
        IntStream parts =
                IntStream.of(1, 2, 3, 4)
                        .flatMap(
                                count ->
                                        IntStream.of(1, 2, 4, 8, 16)
                                                .map(unit -> upTo(unit, upTo(count, in) / count)));
        IntStream fixed =
                IntStream.rangeClosed(1, LONGEST_TRIED / TRIED_STEP).map(unit -> unit * TRIED_STEP);
        return IntStream.concat(parts, fixed).distinct().toArray();
    }

    private static int upTo(int unit, int length) {
        return (length + unit - 1) / unit * unit;
    }

    /**
     * The product {@code [1, out]} with {@code x}, {@code [1, in]}, and the bias; valid until the
     * next call, owned by x's manager.
     */
    NDArray apply(NDArray x) {
        outputFloats.put(0, onHeap(x));
        NDArray view = TorchOps.slice(output, 0, 0, 1);
        view.attach(x.getManager());
        return view;
    }

    /** The same on the heap. */
    float[] onHeap(NDArray x) {
        CpuArrays.floats(x).get(input);
        return product();
    }

    /** The same of an {@code x} on the heap. */
    float[] onHeap(float[] x) {
        System.arraycopy(x, 0, input, 0, input.length);
        return product();
    }

    private float[] product() {
        multiply();
        if (bias != null) {
            add(bias, sum);
        }
        return sum;
    }

    /** The first number of {@link #multiply}, by the same operations. */
    private float first() {
        float total = 0;
        for (int from = 0; from < input.length; from += block) {
            float added = 0;
            for (int at = from; at < Math.min(input.length, from + block); at++) {
                added = Math.fma(input[at], strand(at)[from(at)], added);
            }
            total = from == 0 ? added : total + added;
        }
        return total;
    }

    private void multiply() {
        Arrays.fill(sum, 0);
        addBlock(0, sum);
        for (int from = block; from < input.length; from += block) {
            Arrays.fill(part, 0);
            addBlock(from, part);
            add(part, sum);
        }
    }

    private void addBlock(int from, float[] to) {
        int end = Math.min(input.length, from + block);
        int at = from;
        for (; at + STRANDS <= end; at += STRANDS) {
            addFour(at, to);
        }
        for (; at < end; at++) {
            addOne(input[at], strand(at), from(at), to);
        }
    }

    private void addFour(int at, float[] to) {
        addFour(
                input[at],
                strand(at),
                from(at),
                input[at + 1],
                strand(at + 1),
                from(at + 1),
                input[at + 2],
                strand(at + 2),
                from(at + 2),
                input[at + 3],
                strand(at + 3),
                from(at + 3),
                to);
    }

    private float[] strand(int at) {
        return strands[at % STRANDS];
    }

    /** Where an input's numbers begin in its strand. */
    private int from(int at) {
        return at / STRANDS * sum.length;
    }

    // These three loops are simple enough for the JIT compiler to make vectors of them.

    private static void addFour(
            float a,
            float[] byA,
            int fromA,
            float b,
            float[] byB,
            int fromB,
            float c,
            float[] byC,
            int fromC,
            float d,
            float[] byD,
            int fromD,
            float[] to) {
        for (int i = 0; i < to.length; i++) {
            float sum = Math.fma(a, byA[fromA + i], to[i]);
            sum = Math.fma(b, byB[fromB + i], sum);
            sum = Math.fma(c, byC[fromC + i], sum);
            to[i] = Math.fma(d, byD[fromD + i], sum);
        }
    }

    private static void addOne(float a, float[] byA, int fromA, float[] to) {
        for (int i = 0; i < to.length; i++) {
            to[i] = Math.fma(a, byA[fromA + i], to[i]);
        }
    }

    private static void add(float[] part, float[] to) {
        for (int i = 0; i < to.length; i++) {
            to[i] += part[i];
        }
    }
}
