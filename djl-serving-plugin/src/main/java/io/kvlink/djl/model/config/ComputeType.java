// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.tensor.TensorMemory;
import io.kvlink.spi.DType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Number type of a model's weights, KV and products. All between the products (norms, attention,
 * the sum of the layers, logits) is float32 with any type.
 */
public enum ComputeType {
    FLOAT32("float32", DType.F32),
    /** Half the memory, and the faster products of a GPU; nothing larger than 65504. */
    FLOAT16("float16", DType.F16),
    /** Half the memory, float32's range and eight bits of precision. DJL has no name for it. */
    BFLOAT16("bfloat16", DType.BF16);

    /** The setting that leaves it to device and files. */
    public static final String AUTO = "auto";

    private final String key;
    private final DType kvType;

    ComputeType(String key, DType kvType) {
        this.key = key;
        this.kvType = kvType;
    }

    /** Values of the setting {@code dtype}. */
    public static List<String> settings() {
        return Stream.concat(Stream.of(AUTO), Arrays.stream(values()).map(ComputeType::key))
                .toList();
    }

    /**
     * The type that a setting asks for.
     *
     * @param setting one of {@link #settings}; {@code auto} is float32 on the CPU and the type of
     *     the model's files on a GPU
     * @throws IllegalArgumentException if it is no setting
     */
    public static ComputeType of(String setting, ModelConfig model, Device device) {
        String wanted =
                !setting.equals(AUTO) ? setting : device.isGpu() ? model.diskType() : FLOAT32.key;
        for (ComputeType type : values()) {
            if (type.key.equals(wanted)) {
                return type;
            }
        }
        throw new IllegalArgumentException("dtype=%s allowed=%s".formatted(setting, settings()));
    }

    /** The setting's value, such as {@code float16}. */
    public String key() {
        return key;
    }

    /** Type of the KV's elements, as peers compare it. */
    public DType kvType() {
        return kvType;
    }

    /**
     * An array of this type over another's bytes.
     *
     * @param bytes stays open as long as the result; elements as wide as this type's
     */
    public NDArray over(NDArray bytes) {
        NDManager manager = bytes.getManager();
        return this == BFLOAT16
                ? TensorMemory.over(manager, TensorMemory.address(bytes), kvType, bytes.getShape())
                : bytes;
    }

    /** DJL's name for elements that are as wide as this type's. */
    public DataType carrier() {
        return this == FLOAT32 ? DataType.FLOAT32 : DataType.FLOAT16;
    }

    /** A single zero of this type, owned by the manager. */
    public NDArray zero(NDManager manager) {
        try (NDArray bits = manager.zeros(new Shape(1), carrier());
                NDArray view = over(bits)) {
            NDArray zero = view.duplicate();
            zero.attach(manager);
            return zero;
        }
    }
}
