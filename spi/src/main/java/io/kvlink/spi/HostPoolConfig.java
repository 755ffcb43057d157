// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;

/**
 * Largest size of a host pool, and the kind of its memory.
 *
 * @param maxBytes upper limit of the memory taken; grown to in steps, when needed, and not rounded
 *     up
 * @param kind {@link MemoryKind#HEAP}, {@link MemoryKind#DIRECT} or {@link MemoryKind#PINNED}
 * @param pageLocker locks memory for a device; required for {@link MemoryKind#PINNED} only
 */
public record HostPoolConfig(long maxBytes, MemoryKind kind, Optional<PageLocker> pageLocker) {

    public HostPoolConfig {
        if (maxBytes < 0 || !kind.host() || (kind == MemoryKind.PINNED) != pageLocker.isPresent()) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "maxBytes=%d kind=%s pageLocker=%s; a page locker goes with PINNED, and only with it"
                            .formatted(maxBytes, kind, pageLocker.isPresent()));
        }
    }
}
