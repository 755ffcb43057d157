// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvEvent;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Blocks that are kept, by name and in the order of their use. Of a prompt the head counts as used
 * last, since no other block helps without it. Any thread.
 */
final class BlockIndex {

    private static final int MOST_EVENTS = 4096;

    private final BlockMemory memory;
    private final int blockTokens;
    private final OffloadFigures figures;
    private final Object lock = new Object();
    // Least recently used first.
    private final Map<BlockHash, KeptBlock> blocks = new LinkedHashMap<>(16, 0.75f, true);
    private final Set<BlockHash> saving = new HashSet<>();
    private final Deque<KvEvent> events = new ArrayDeque<>();
    private int used;
    private boolean closed;

    BlockIndex(BlockMemory memory, int blockTokens, OffloadFigures figures) {
        this.memory = memory;
        this.blockTokens = blockTokens;
        this.figures = figures;
    }

    /** Blocks, from the first of these names, that are there in a row; they stay until released. */
    List<KeptBlock> acquire(List<BlockHash> names) {
        synchronized (lock) {
            List<KeptBlock> found = new ArrayList<>();
            for (BlockHash name : names) {
                KeptBlock block = blocks.get(name);
                if (block == null) {
                    break;
                }
                if (block.users++ == 0) {
                    used++;
                }
                found.add(block);
            }
            touch(names.subList(0, found.size()));
            return found;
        }
    }

    /** Lets go of blocks that were acquired. */
    void release(Collection<KeptBlock> acquired) {
        synchronized (lock) {
            if (closed) {
                return;
            }
            for (KeptBlock block : acquired) {
                if (block.users == 0) {
                    throw new IllegalStateException("released twice");
                }
                if (--block.users == 0) {
                    used--;
                }
            }
        }
    }

    /**
     * Takes memory for blocks of a prompt that aren't there, and that nobody is saving. If there is
     * none, the least recently used blocks make room that nobody uses.
     *
     * @param prompt names of the prompt's blocks up to the last that is to be saved; none of them
     *     makes room for another
     * @param from the first that is to be saved
     * @return memory by name, in the prompt's order; of a prompt without room for all its head
     */
    Map<BlockHash, MemoryRegion> reserve(List<BlockHash> prompt, int from) {
        Map<BlockHash, MemoryRegion> reserved = new LinkedHashMap<>();
        Set<BlockHash> own = new HashSet<>(prompt);
        synchronized (lock) {
            for (int i = from; i < prompt.size(); i++) {
                BlockHash name = prompt.get(i);
                if (blocks.containsKey(name) || saving.contains(name)) {
                    continue;
                }
                MemoryRegion room = room(own);
                if (room == null) {
                    figures.droppedBlocks.add(prompt.size() - i);
                    break;
                }
                saving.add(name);
                reserved.put(name, room);
            }
        }
        return reserved;
    }

    private @Nullable MemoryRegion room(Set<BlockHash> own) {
        MemoryRegion room = memory.poll();
        return room == null && memory.complete() ? evict(own) : room;
    }

    private @Nullable MemoryRegion evict(Set<BlockHash> own) {
        Iterator<Map.Entry<BlockHash, KeptBlock>> all = blocks.entrySet().iterator();
        while (all.hasNext()) {
            Map.Entry<BlockHash, KeptBlock> each = all.next();
            if (each.getValue().users == 0 && !own.contains(each.getKey())) {
                all.remove();
                figures.evictedBlocks.increment();
                tell(KvEvent.removed(blockTokens, List.of(each.getKey())));
                return each.getValue().memory();
            }
        }
        return null;
    }

    /**
     * Keeps blocks whose KV is in their memory, or will be for all that is enqueued from now on.
     *
     * @param prompt names of the prompt's blocks up to the last of them
     * @param saved names and memory of those that were reserved, in the prompt's order
     */
    void keep(List<BlockHash> prompt, Map<BlockHash, MemoryRegion> saved) {
        synchronized (lock) {
            saved.forEach((name, room) -> blocks.put(name, new KeptBlock(room)));
            saving.removeAll(saved.keySet());
            touch(prompt);
            tell(KvEvent.stored(blockTokens, List.copyOf(saved.keySet())));
        }
    }

    /** Gives reserved memory back, of a save that wasn't completed. */
    void cancel(Map<BlockHash, MemoryRegion> reserved) {
        synchronized (lock) {
            saving.removeAll(reserved.keySet());
            reserved.values().forEach(memory::give);
        }
    }

    /** Number of blocks that a request loads or a step saves. */
    int inUse() {
        synchronized (lock) {
            return used + saving.size();
        }
    }

    /** Number of blocks that can be loaded. */
    int kept() {
        synchronized (lock) {
            return blocks.size();
        }
    }

    List<KvEvent> takeEvents() {
        synchronized (lock) {
            List<KvEvent> taken = List.copyOf(events);
            events.clear();
            return taken;
        }
    }

    /** Forgets all blocks, those in use too: their memory is about to be given back. */
    void close() {
        synchronized (lock) {
            closed = true;
            blocks.clear();
            saving.clear();
            used = 0;
        }
    }

    private void touch(List<BlockHash> names) {
        for (int i = names.size() - 1; i >= 0; i--) {
            blocks.get(names.get(i));
        }
    }

    private void tell(KvEvent event) {
        if (event.blocks().isEmpty()) {
            return;
        }
        if (events.size() == MOST_EVENTS) {
            events.removeFirst();
        }
        events.addLast(event);
    }
}
