// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import io.kvlink.spi.MemoryRegion;

/**
 * The memory under one arena. The arena owns it and releases it once.
 *
 * @param region all its bytes
 * @param onRelease gives back what garbage collection doesn't
 */
record ArenaMemory(MemoryRegion region, Runnable onRelease) {

    /** Source of arenas' memory. Called from any thread, without a lock. */
    @FunctionalInterface
    interface Source {
        /**
         * Takes memory from the system.
         *
         * @param bytes how many
         * @return the memory; the caller releases it
         * @throws OutOfMemoryError if there is none
         * @throws io.kvlink.spi.KvConnectorException if it can't be locked; none is held then
         */
        ArenaMemory take(int bytes);
    }

    void release() {
        onRelease.run();
    }
}
