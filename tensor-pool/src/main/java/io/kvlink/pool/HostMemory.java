// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.PageLocker;
import java.nio.ByteBuffer;

/**
 * Takes arenas' memory from the Java heap or from outside it. Java 17 has no supported call that
 * frees a direct buffer. Released memory returns to the system when the last buffer over it is
 * collected. The JDK forces that where {@code -XX:MaxDirectMemorySize} would be exceeded. Page
 * locks end at release.
 */
final class HostMemory {

    private static final int PAGE_BYTES = 4096;

    private HostMemory() {}

    static ArenaMemory.Source source(HostPoolConfig config) {
        return switch (config.kind()) {
            case HEAP -> bytes -> unlocked(ByteBuffer.allocate(bytes));
            case DIRECT -> bytes -> unlocked(ByteBuffer.allocateDirect(bytes));
            case PINNED -> {
                PageLocker locker = config.pageLocker().orElseThrow();
                yield bytes -> locked(ownPages(bytes), locker);
            }
            case DEVICE -> throw new IllegalArgumentException("kind=" + config.kind());
        };
    }

    private static ArenaMemory unlocked(ByteBuffer buffer) {
        return new ArenaMemory(MemoryRegion.ofBuffer(buffer), () -> {});
    }

    // Pages are locked as a whole, and none of them twice.
    private static ByteBuffer ownPages(int bytes) {
        int pages = (bytes - 1) / PAGE_BYTES + 1;
        return ByteBuffer.allocateDirect(Math.multiplyExact(pages + 1, PAGE_BYTES))
                .alignedSlice(PAGE_BYTES)
                .slice(0, bytes);
    }

    private static ArenaMemory locked(ByteBuffer buffer, PageLocker locker) {
        long address = locker.lock(buffer);
        return new ArenaMemory(
                MemoryRegion.ofPinned(buffer, address), () -> locker.unlock(address));
    }
}
