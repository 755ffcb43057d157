// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.MemoryRegion;

/** Block of KV in host memory. Its count is {@link BlockIndex}'s, behind that one's lock. */
final class KeptBlock {

    private final MemoryRegion memory;
    // Requests that load it, or are about to; such a block stays.
    int users;

    KeptBlock(MemoryRegion memory) {
        this.memory = memory;
    }

    MemoryRegion memory() {
        return memory;
    }
}
