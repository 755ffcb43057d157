// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvRequest;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One request: the names of its prompt's blocks, and those blocks that were read for it. Fields
 * behind the lock are for any thread; the others are the scheduler half's.
 */
final class StoredRequest {

    private final KvRequest request;
    private final BlockNames names;
    private final ByteBudget budget;
    private final int blockBytes;
    private final long deadlineNs;

    // Scheduler's thread: blocks that were saved or needn't be, and the load of the coming step.
    int savedBlocks;
    int loadFrom;
    int loadTokens;
    boolean late;

    // Completed when nobody waits for the blocks any more.
    private final CompletableFuture<@Nullable Void> waiting = new CompletableFuture<>();
    private final Object lock = new Object();
    private List<BlockHash> chain = List.of();
    private List<ByteBuffer> read = new ArrayList<>();
    private int found;
    private boolean looked;
    private boolean released;

    StoredRequest(
            KvRequest request,
            BlockNames names,
            ByteBudget budget,
            int blockBytes,
            long deadlineNs) {
        this.request = request;
        this.names = names;
        this.budget = budget;
        this.blockBytes = blockBytes;
        this.deadlineNs = deadlineNs;
    }

    KvRequest request() {
        return request;
    }

    /** Point on the clock after which nobody waits for the blocks. */
    long deadlineNs() {
        return deadlineNs;
    }

    /** Names of the whole blocks of the prompt. Not for the engine's thread: it hashes. */
    List<BlockHash> chain() {
        synchronized (lock) {
            if (chain.isEmpty()) {
                chain = names.of(request);
            }
            return chain;
        }
    }

    /** Memory for one more block; false if there is none, or nobody wants it any more. */
    boolean reserve() {
        synchronized (lock) {
            return !released && budget.tryTake(blockBytes);
        }
    }

    /** Gives back what was reserved and not used. */
    void unreserve() {
        budget.give(1, blockBytes);
    }

    /** Keeps a block in memory that was reserved. */
    void onRead(ByteBuffer block) {
        synchronized (lock) {
            if (released) {
                unreserve();
            } else {
                read.add(block);
                found++;
            }
        }
    }

    /**
     * Makes a call, on a thread of the JDK, if nothing has ended the wait by then.
     *
     * @param call doesn't block
     */
    void onLate(long nanos, Runnable call) {
        CompletableFuture<@Nullable Void> unused =
                waiting.orTimeout(nanos, TimeUnit.NANOSECONDS)
                        .whenComplete(
                                (nothing, late) -> {
                                    if (late != null) {
                                        call.run();
                                    }
                                });
    }

    /** Nothing more is read. */
    void onLooked() {
        waiting.complete(null);
        synchronized (lock) {
            looked = true;
        }
    }

    boolean looked() {
        synchronized (lock) {
            return looked;
        }
    }

    /** Number of blocks, from the first, that the store has. */
    int found() {
        synchronized (lock) {
            return found;
        }
    }

    /** Blocks that were read, from the first; none after {@link #release}. */
    List<ByteBuffer> read() {
        synchronized (lock) {
            return List.copyOf(read);
        }
    }

    /** Lets go of what was read. */
    void release() {
        waiting.complete(null);
        synchronized (lock) {
            released = true;
            budget.give(read.size(), blockBytes);
            read = new ArrayList<>();
        }
    }
}
