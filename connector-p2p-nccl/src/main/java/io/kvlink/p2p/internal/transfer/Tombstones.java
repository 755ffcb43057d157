// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Transfers that have ended, so that what comes late is dropped. Bounded in number and in time.
 * Control thread only.
 */
public final class Tombstones {

    private static final int MOST = 65_536;
    private static final long KEEP_NS = 600_000_000_000L;

    private record Stone(KvError error, long untilNs) {}

    private final Map<TransferId, Stone> stones = new LinkedHashMap<>();

    /**
     * A transfer has ended.
     *
     * @param id the transfer
     * @param error what a latecomer is told
     * @param nowNs the time
     */
    public void put(TransferId id, KvError error, long nowNs) {
        stones.remove(id);
        stones.put(id, new Stone(error, nowNs + KEEP_NS));
        Iterator<Stone> oldest = stones.values().iterator();
        while (stones.size() > MOST
                || (oldest.hasNext() && stones.values().iterator().next().untilNs - nowNs < 0)) {
            oldest = stones.values().iterator();
            oldest.next();
            oldest.remove();
        }
    }

    /** Answer for latecomers to a transfer; {@code null} if it isn't known to have ended. */
    public @Nullable KvError of(TransferId id) {
        Stone stone = stones.get(id);
        return stone == null ? null : stone.error;
    }
}
