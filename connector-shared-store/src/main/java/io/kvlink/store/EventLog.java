// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvEvent;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** Events that nobody has taken yet, the newest ones if they are too many. Any thread. */
final class EventLog {

    private static final int MOST = 4096;

    private final int blockTokens;
    private final Object lock = new Object();
    private final Deque<KvEvent> events = new ArrayDeque<>();

    EventLog(int blockTokens) {
        this.blockTokens = blockTokens;
    }

    void onStored(List<BlockHash> blocks) {
        add(KvEvent.stored(blockTokens, blocks));
    }

    void onRemoved(List<BlockHash> blocks) {
        add(KvEvent.removed(blockTokens, blocks));
    }

    List<KvEvent> take() {
        synchronized (lock) {
            List<KvEvent> taken = List.copyOf(events);
            events.clear();
            return taken;
        }
    }

    private void add(KvEvent event) {
        if (event.blocks().isEmpty()) {
            return;
        }
        synchronized (lock) {
            if (events.size() == MOST) {
                events.removeFirst();
            }
            events.addLast(event);
        }
    }
}
