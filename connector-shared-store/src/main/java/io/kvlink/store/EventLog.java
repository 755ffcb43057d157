// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvEvent;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * Events that nobody has taken yet, those of the newest blocks if they are too many. Any thread.
 */
final class EventLog {

    /** Most blocks of which events are kept. */
    static final int MOST_BLOCKS = 32_768;

    private final int blockTokens;
    private final Object lock = new Object();
    private final Deque<KvEvent> events = new ArrayDeque<>();
    private int count;

    EventLog(int blockTokens) {
        this.blockTokens = blockTokens;
    }

    void onStored(List<BlockHash> blocks) {
        add(KvEvent.stored(blockTokens, newest(blocks)));
    }

    void onRemoved(List<BlockHash> blocks) {
        add(KvEvent.removed(blockTokens, newest(blocks)));
    }

    private static List<BlockHash> newest(List<BlockHash> blocks) {
        return blocks.subList(Math.max(0, blocks.size() - MOST_BLOCKS), blocks.size());
    }

    List<KvEvent> take() {
        synchronized (lock) {
            List<KvEvent> taken = List.copyOf(events);
            events.clear();
            count = 0;
            return taken;
        }
    }

    private void add(KvEvent event) {
        if (event.blocks().isEmpty()) {
            return;
        }
        synchronized (lock) {
            events.addLast(event);
            count += event.blocks().size();
            while (count > MOST_BLOCKS) {
                count -= events.removeFirst().blocks().size();
            }
        }
    }
}
