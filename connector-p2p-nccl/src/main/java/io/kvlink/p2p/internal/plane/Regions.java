// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.MemoryRegion;

/** Checks the memory that a caller hands to a plane which knows host memory only. */
public final class Regions {

    private Regions() {}

    public static void requireHost(MemoryRegion region) {
        if (!region.kind().host()) {
            throw new IllegalArgumentException("not host memory: " + region);
        }
    }

    public static void requireHost(SendOp op) {
        long bytes = 0;
        for (MemoryRegion region : op.source()) {
            requireHost(region);
            bytes += region.bytes();
        }
        if (bytes != op.bytes()) {
            throw new IllegalArgumentException("bytes=" + op.bytes() + " in regions=" + bytes);
        }
    }
}
