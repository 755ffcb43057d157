// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.weights;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;

/** Form of a weight on disk, and its way to float32. All are little-endian. */
public enum TensorType {
    F32(4) {
        @Override
        void toFloats(ByteBuffer from, FloatBuffer to) {
            to.put(from.asFloatBuffer());
        }
    },
    F16(2) {
        @Override
        void toFloats(ByteBuffer from, FloatBuffer to) {
            while (from.hasRemaining()) {
                to.put(halfToFloat(from.getShort()));
            }
        }
    },
    /** The upper half of a float32. */
    BF16(2) {
        @Override
        void toFloats(ByteBuffer from, FloatBuffer to) {
            while (from.hasRemaining()) {
                to.put(Float.intBitsToFloat(from.getShort() << 16));
            }
        }
    };

    private static final int HALF_EXPONENT = 0x7c00;
    private static final int EXPONENT_BIAS_DIFFERENCE = 127 - 15;
    private static final float SMALLEST_HALF = 0x1p-24f;

    private final int bytes;

    TensorType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Converts all that remains in {@code from}, a little-endian buffer of whole elements. */
    abstract void toFloats(ByteBuffer from, FloatBuffer to);

    static float halfToFloat(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = half & HALF_EXPONENT;
        int fraction = half & 0x3ff;
        if (exponent == 0) { // zero or subnormal
            return Float.intBitsToFloat(sign | Float.floatToRawIntBits(fraction * SMALLEST_HALF));
        }
        if (exponent == HALF_EXPONENT) { // infinite or not a number
            return Float.intBitsToFloat(sign | 0x7f800000 | fraction << 13);
        }
        int biased = (exponent >> 10) + EXPONENT_BIAS_DIFFERENCE;
        return Float.intBitsToFloat(sign | biased << 23 | fraction << 13);
    }
}
