// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.dataplane;

import io.kvlink.p2p.internal.dataplane.DataPlane.SendOp;
import io.kvlink.spi.MemoryRegion;

/** Checks the memory that a caller hands to a plane which knows host memory only. */
final class Regions {

    private Regions() {}

    static void requireHost(MemoryRegion region) {
        if (!region.kind().host()) {
            throw new IllegalArgumentException("not host memory: " + region);
        }
    }

    static void requireHost(SendOp op) {
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
