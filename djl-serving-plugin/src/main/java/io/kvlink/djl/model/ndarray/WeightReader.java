// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.model.weights.Checkpoint;
import io.kvlink.djl.tensor.PackedLinear;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads tensors of a checkpoint as float32 on the CPU, where they are arranged. Then it settles
 * them: on the model's device, rounded to the model's type. Arrays that aren't settled are closed
 * with this, or by the caller. One thread.
 */
final class WeightReader implements AutoCloseable {
    /** Most that is filled at once; a buffer ends at 2 GiB. */
    private static final int PIECE_FLOATS = 1 << 24;

    private static final float MAX_HALF = 65504;

    private final NDManager home;
    private final NDManager host;
    private final Checkpoint checkpoint;
    private final ComputeType type;
    private final Packing packing;

    /** Borrows both; settled arrays belong to {@code home}. */
    WeightReader(NDManager home, Checkpoint checkpoint, ComputeType type, Packing packing) {
        this.home = home;
        this.host = PyTorchRuntime.newManager(Device.cpu());
        this.checkpoint = checkpoint;
        this.type = type;
        this.packing = packing;
    }

    /**
     * A tensor among others that are stacked.
     *
     * @param name without {@code .weight} or {@code .bias}
     * @param rows of the matrix, or elements of the bias
     */
    record Part(String name, int rows) {}

    /** A matrix {@code [rows, columns]}. */
    NDArray matrix(String name, int rows, int columns) {
        NDArray matrix = host.create(new Shape(rows, columns), DataType.FLOAT32);
        fill(matrix, 0, name, rows, columns);
        return matrix;
    }

    NDArray vector(String name, int size) {
        NDArray vector = host.create(new Shape(size), DataType.FLOAT32);
        fill(vector, 0, name, size);
        return vector;
    }

    /** The parts' matrices one below the other. */
    NDArray stacked(List<Part> parts, String suffix, int columns) {
        NDArray matrix = host.create(new Shape(rows(parts), columns), DataType.FLOAT32);
        long row = 0;
        for (Part part : parts) {
            fill(matrix, row, part.name() + suffix, part.rows(), columns);
            row += part.rows();
        }
        return matrix;
    }

    /** The parts' vectors one behind the other. */
    NDArray stacked(List<Part> parts, String suffix) {
        NDArray vector = host.create(new Shape(rows(parts)), DataType.FLOAT32);
        long row = 0;
        for (Part part : parts) {
            fill(vector, row, part.name() + suffix, part.rows());
            row += part.rows();
        }
        return vector;
    }

    /** Takes a matrix, {@code [out, in]}, and its bias, and settles both. */
    Projection projection(NDArray matrix, @Nullable NDArray bias) {
        NDArray packed = packing.wants(matrix) ? PackedLinear.pack(matrix) : null;
        // libtorch multiplies by a narrow matrix a hundred times slower if it lies the other way.
        Projection arranged =
                type == ComputeType.FLOAT32 ? Projection.take(matrix) : Projection.over(matrix);
        return new Projection(
                settle(arranged.weight()),
                arranged.outRows(),
                bias == null ? null : settleWide(bias),
                packed == null ? null : settleWide(packed));
    }

    /** Takes an arranged array, moves it home and rounds it to the model's type. */
    NDArray settle(NDArray array) {
        if (type == ComputeType.FLOAT16) {
            requireHalf(array);
        }
        NDArray wide = settleWide(array);
        if (type == ComputeType.FLOAT32) {
            return wide;
        }
        try (wide;
                NDArray zero = type.zero(home);
                NDArray one = zero.reshape(new Shape(1, 1))) {
            NDArray narrow = TorchOps.as(wide, one);
            narrow.attach(home);
            return narrow;
        }
    }

    /** Settles an array that stays float32. */
    NDArray settleWide(NDArray array) {
        if (!home.getDevice().isGpu()) {
            array.attach(home);
            return array;
        }
        try (array) {
            NDArray settled = array.toDevice(home.getDevice(), true);
            settled.attach(home);
            return settled;
        }
    }

    /** Closes what was read and not settled. */
    @Override
    public void close() {
        host.close();
    }

    private void requireHalf(NDArray array) {
        try (NDArray size = array.abs();
                NDArray largest = size.max()) {
            if (!(largest.getFloat() <= MAX_HALF)) {
                throw new ModelLoadException(
                        "a matrix of shape=%s holds %s, float16 at most %s; option.dtype=float32 or bfloat16 holds it"
                                .formatted(array.getShape(), largest.getFloat(), MAX_HALF));
            }
        }
    }

    private static long rows(List<Part> parts) {
        return parts.stream().mapToLong(Part::rows).sum();
    }

    /** Reads a tensor into a matrix's or vector's rows from {@code firstRow} onward. */
    private void fill(NDArray array, long firstRow, String name, int... shape) {
        long[] wanted = Arrays.stream(shape).asLongStream().toArray();
        long columns = shape.length == 1 ? 1 : shape[1];
        long step = Math.max(1, PIECE_FLOATS / columns);
        for (long row = 0; row < shape[0]; row += step) {
            long end = Math.min(shape[0], row + step);
            // The view's own memory, valid while the array is open.
            try (NDArray rows = TorchOps.slice(array, 0, firstRow + row, firstRow + end)) {
                checkpoint.read(
                        name,
                        row * columns,
                        rows.toByteBuffer(true).order(ByteOrder.nativeOrder()).asFloatBuffer(),
                        wanted);
            }
        }
    }
}
