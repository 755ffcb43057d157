// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.util.Arrays;

/**
 * The few calls for which DJL's NDArray has no direct form: each is one JNI call, where an NDIndex
 * takes up to six. Results belong to the manager given, else to the first array's.
 */
final class TorchOps {
    private TorchOps() {}

    /** A view of {@code from} to {@code to} (excluded) along one axis. */
    static NDArray slice(NDArray array, int axis, long from, long to) {
        return JniUtils.slice((PtNDArray) array, axis, from, to, 1);
    }

    /** A view of rows {@code from} to {@code to} of an array with three axes. */
    static NDArray rows(NDManager manager, NDArray array, long from, long to) {
        long[] begin = {from, 0, 0};
        long[] end = {to, array.getShape().get(1), array.getShape().get(2)};
        return JniUtils.index(
                (PtNDArray) array, begin, end, new long[] {1, 1, 1}, (PtNDManager) manager);
    }

    /** Copies {@code value} over {@code [:, from:from + n]} of an array with four axes. */
    static void putColumns(NDArray array, long from, NDArray value) {
        long[] begin = {0, from, 0, 0};
        long[] end = value.getShape().getShape().clone();
        end[1] += from;
        JniUtils.indexSet(
                (PtNDArray) array, (PtNDArray) value, begin, end, new long[] {1, 1, 1, 1});
    }

    /** {@code x} times the transpose of {@code weight}, which lies as {@code [out, in]}. */
    static NDArray linear(NDArray x, NDArray weight) {
        return x.getNDArrayInternal().linear(x, weight, null).get(0);
    }

    /** Copies of the entries of {@code table}'s first axis that {@code ids} name. */
    static NDArray pick(NDManager manager, NDArray table, NDArray ids) {
        return table.get(manager, new NDIndex("{}", ids));
    }

    /** Copies the columns of {@code value} over those of {@code array} that the index names. */
    static void putColumns(NDArray array, NDIndex columns, NDArray value) {
        JniUtils.indexAdvPut((PtNDArray) array, columns, (PtNDArray) as(value, array));
    }

    /** The rows of {@code weight} that {@code ids} name; belongs to the ids' manager. */
    static NDArray embedding(NDArray ids, NDArray weight) {
        return JniUtils.embedding((PtNDArray) ids, (PtNDArray) weight, false);
    }

    /**
     * The array, which is float32, in the other's type; itself if it has that type already.
     *
     * @param other with as many axes; not empty
     */
    static NDArray as(NDArray array, NDArray other) {
        DataType type = other.getDataType();
        if (type == array.getDataType()) {
            return array;
        }
        return type == DataType.UNKNOWN ? unnamed(array, other) : array.toType(type, false);
    }

    // DJL has no name for bfloat16, so its conversion can't be asked for: an element of that type
    // is spread to the shape that is wanted, and the array's numbers are copied over it.
    private static NDArray unnamed(NDArray array, NDArray other) {
        NDArray element = other;
        int axes = other.getShape().dimension();
        try (NDManager views = other.getManager().newSubManager()) {
            for (int axis = 0; axis < axes; axis++) {
                element = slice(element, axis, 0, 1);
                element.attach(views);
            }
            NDArray spread = element.broadcast(array.getShape());
            spread.attach(views);
            NDArray converted = spread.duplicate();
            converted.attach(array.getManager());
            long[] end = array.getShape().getShape();
            long[] ones = new long[axes];
            Arrays.fill(ones, 1);
            JniUtils.indexSet((PtNDArray) converted, (PtNDArray) array, new long[axes], end, ones);
            return converted;
        }
    }

    /** The array as float32; itself if it is. */
    static NDArray wide(NDArray array) {
        return array.getDataType() == DataType.FLOAT32
                ? array
                : array.toType(DataType.FLOAT32, false);
    }
}
