// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import io.kvlink.spi.MemoryRegion;

/** Memory that a {@link BuddyAllocator} divides. The pool's lock guards the blocks. */
final class Arena {

    private final BuddyAllocator blocks;
    private final ArenaMemory memory;

    /** Takes the memory; if it throws, nothing was taken. */
    Arena(int bytes, ArenaMemory.Source source) {
        blocks = new BuddyAllocator(bytes);
        memory = source.take(bytes);
    }

    BuddyAllocator blocks() {
        return blocks;
    }

    MemoryRegion region(long offset, long bytes) {
        return memory.region().slice(offset, bytes);
    }

    /** Gives the memory back. Called once, without the lock. */
    void release() {
        memory.release();
    }
}
