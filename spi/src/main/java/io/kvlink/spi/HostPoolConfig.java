// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;

/** Largest size of a host pool, and the kind of its memory. */
public final class HostPoolConfig {

    private final long maxBytes;
    private final MemoryKind kind;
    private final Optional<PageLocker> pageLocker;

    private HostPoolConfig(long maxBytes, MemoryKind kind, Optional<PageLocker> pageLocker) {
        if (maxBytes < 0 || !kind.host() || (kind == MemoryKind.PINNED) != pageLocker.isPresent()) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "maxBytes=%d kind=%s pageLocker=%s; a page locker goes with PINNED, and only with it"
                            .formatted(maxBytes, kind, pageLocker.isPresent()));
        }
        this.maxBytes = maxBytes;
        this.kind = kind;
        this.pageLocker = pageLocker;
    }

    /**
     * Configuration of a pool whose memory no device knows.
     *
     * @param maxBytes see {@link #maxBytes}
     * @param kind {@link MemoryKind#HEAP} or {@link MemoryKind#DIRECT}
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} for another kind or size
     */
    public static HostPoolConfig of(long maxBytes, MemoryKind kind) {
        return new HostPoolConfig(maxBytes, kind, Optional.empty());
    }

    /**
     * Configuration of a pool of {@link MemoryKind#PINNED} memory.
     *
     * @param maxBytes see {@link #maxBytes}
     * @param pageLocker locks memory for a device
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} for a size below 0
     */
    public static HostPoolConfig pinned(long maxBytes, PageLocker pageLocker) {
        return new HostPoolConfig(maxBytes, MemoryKind.PINNED, Optional.of(pageLocker));
    }

    /** Upper limit of the memory taken; grown to in steps, when needed, and not rounded up. */
    public long maxBytes() {
        return maxBytes;
    }

    /** Kind of the memory, one of the host's. */
    public MemoryKind kind() {
        return kind;
    }

    /** Locker of memory for a device; there for {@link MemoryKind#PINNED} only. */
    public Optional<PageLocker> pageLocker() {
        return pageLocker;
    }
}
