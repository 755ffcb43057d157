// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** Place of the bytes of a {@link MemoryRegion}. */
public enum MemoryKind {
    /** A Java array. */
    HEAP,
    /** Outside the Java heap, pageable. */
    DIRECT,
    /** Outside the Java heap, page-locked for a device's copy engine. */
    PINNED,
    /** A GPU's memory. */
    DEVICE;

    /** True if the CPU can read it. */
    public boolean host() {
        return this != DEVICE;
    }
}
