// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** Element type of a KV cache. Connectors move the bytes untouched. */
public enum DType {
    F32("float32", 4),
    F16("float16", 2),
    BF16("bfloat16", 2),
    F8_E4M3("float8_e4m3fn", 1),
    F8_E5M2("float8_e5m2", 1),
    I8("int8", 1);

    private final String key;
    private final int bytes;

    DType(String key, int bytes) {
        this.key = key;
        this.bytes = bytes;
    }

    /** The field's name for it, as in a configuration. */
    public String key() {
        return key;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }
}
