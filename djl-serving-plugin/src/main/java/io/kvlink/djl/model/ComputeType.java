// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.ndarray.types.DataType;
import io.kvlink.spi.DType;

/**
 * What a model's weights and KV are kept in and multiplied in. Sums between the products (norms,
 * attention, the residual stream, logits) are float32 whatever this is.
 */
public enum ComputeType {
    FLOAT32("float32", DataType.FLOAT32, DType.F32),
    /** Half the memory; on a GPU also the faster products. */
    FLOAT16("float16", DataType.FLOAT16, DType.F16);

    private final String key;
    private final DataType dataType;
    private final DType kvType;

    ComputeType(String key, DataType dataType, DType kvType) {
        this.key = key;
        this.dataType = dataType;
        this.kvType = kvType;
    }

    /** The setting's value, such as {@code float16}. */
    public String key() {
        return key;
    }

    /** Type of the KV's elements, as peers compare it. */
    public DType kvType() {
        return kvType;
    }

    DataType dataType() {
        return dataType;
    }
}
