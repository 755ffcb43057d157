// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * KV memory whose KV of a token is the token itself. It notes who breaks the port's contract while
 * calls are in flight. Blocks of a sequence are neighbours, so growing may need a move.
 */
final class FakeMemory implements KvMemory {

    static final int NOTHING = -1;

    final List<String> violations = new ArrayList<>();
    // Set by tests, on any thread.
    volatile boolean failsToGrow;
    private final int[] tokens;
    private final boolean[] taken;
    // How many calls in flight use a run.
    private final Map<Run, Integer> flying = new HashMap<>();

    FakeMemory(int blocks) {
        tokens = new int[blocks * BLOCK_TOKENS];
        taken = new boolean[blocks];
        Arrays.fill(tokens, NOTHING);
    }

    /** A sequence's blocks. */
    final class Run implements KvSlots {
        private final int first;
        private final int blocks;
        private boolean held = true;
        // Tokens whose KV is there, or on its way.
        int filled;
        // A call that was to write here has failed.
        boolean spoiled;

        private Run(int first, int blocks) {
            this.first = first;
            this.blocks = blocks;
        }

        @Override
        public BlockTable blockTable() {
            return BlockTable.range(first, blocks);
        }

        @Override
        public int blocks() {
            return blocks;
        }

        @Override
        public int capacity() {
            return blocks * BLOCK_TOKENS;
        }

        @Override
        public void release() {
            require(held, "released twice");
            require(!flying.containsKey(this), "released in flight");
            held = false;
            give(this);
        }

        boolean held() {
            return held;
        }

        void put(int position, int token) {
            tokens[at(position)] = token;
        }

        int get(int position) {
            return tokens[at(position)];
        }

        private int at(int position) {
            return first * BLOCK_TOKENS + position;
        }
    }

    void onEnqueued(Run run) {
        flying.merge(run, 1, Integer::sum);
    }

    void onAwaited(Run run) {
        flying.computeIfPresent(run, (key, count) -> count == 1 ? null : count - 1);
    }

    void require(boolean met, String violation) {
        if (!met) {
            violations.add(violation);
        }
    }

    private void give(Run run) {
        Arrays.fill(taken, run.first, run.first + run.blocks, false);
        Arrays.fill(tokens, run.at(0), run.at(run.capacity()), NOTHING);
    }

    private boolean free(int first, int blocks) {
        for (int block = first; block < first + blocks; block++) {
            if (block >= taken.length || taken[block]) {
                return false;
            }
        }
        return true;
    }

    @Override
    public @Nullable Run allocate(int count) {
        int blocks = KvMemory.blocksFor(count);
        for (int first = 0; first + blocks <= taken.length; first++) {
            if (free(first, blocks)) {
                Arrays.fill(taken, first, first + blocks, true);
                return new Run(first, blocks);
            }
        }
        return null;
    }

    @Override
    public @Nullable KvSlots grow(KvSlots slots, int count, int filled) {
        Run run = (Run) slots;
        require(!flying.containsKey(run), "moved in flight");
        KvSlots here = growInPlace(slots, count);
        if (here != null) {
            return here;
        }
        // The old blocks and the new ones may overlap.
        int[] kept = Arrays.copyOfRange(tokens, run.at(0), run.at(filled));
        Arrays.fill(taken, run.first, run.first + run.blocks, false);
        Run moved = allocate(count);
        if (moved == null) {
            Arrays.fill(taken, run.first, run.first + run.blocks, true);
            return null;
        }
        run.held = false;
        System.arraycopy(kept, 0, tokens, moved.at(0), filled);
        moved.filled = run.filled;
        return moved;
    }

    @Override
    public @Nullable KvSlots growInPlace(KvSlots slots, int count) {
        Run run = (Run) slots;
        require(run.held, "grown after its release");
        if (failsToGrow) {
            throw new IllegalStateException("no growth");
        }
        int more = KvMemory.blocksFor(count) - run.blocks;
        if (!free(run.first + run.blocks, more)) {
            return null;
        }
        Arrays.fill(taken, run.first + run.blocks, run.first + run.blocks + more, true);
        Run grown = new Run(run.first, run.blocks + more);
        grown.filled = run.filled;
        run.held = false;
        return grown;
    }

    @Override
    public @Nullable KvSlots copy(KvSlots slots, int count, int filled) {
        Run run = (Run) slots;
        require(!flying.containsKey(run), "copied in flight");
        Run grown = allocate(count);
        if (grown == null) {
            return null;
        }
        for (int position = 0; position < filled; position++) {
            grown.put(position, run.get(position));
        }
        grown.filled = run.filled;
        return grown;
    }

    @Override
    public int inTheWay(KvSlots slots, List<KvSlots> others) {
        Run run = (Run) slots;
        for (int i = 0; i < others.size(); i++) {
            if (((Run) others.get(i)).first == run.first + run.blocks) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public int layers() {
        return 1;
    }

    @Override
    public MemoryRegion layerRegion(int layer) {
        return MemoryRegion.ofBuffer(ByteBuffer.allocateDirect(2 * tokens.length));
    }

    @Override
    public Optional<KvDevice> device() {
        return Optional.empty();
    }

    @Override
    public int totalBlocks() {
        return taken.length;
    }

    @Override
    public int usedBlocks() {
        int used = 0;
        for (boolean block : taken) {
            used += block ? 1 : 0;
        }
        return used;
    }
}
