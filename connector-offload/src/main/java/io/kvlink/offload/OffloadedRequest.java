// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepMetadata.Task;
import io.kvlink.spi.StepPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * One request: its tokens, the names of the blocks they fill, and the kept blocks that it is about
 * to load. The scheduler half's, but for what is behind the lock, and the names.
 */
final class OffloadedRequest {

    private final KvRequest request;
    private final String model;
    private final int blockTokens;
    private final BlockIndex index;

    private int[] tokens;
    private int count;
    private int plannedBlocks;
    private int loadFrom;
    private int loadTokens;
    private volatile List<BlockHash> names;
    // The worker half's.
    private long savedBytes;

    private final Object lock = new Object();
    private List<KeptBlock> head = new ArrayList<>();

    OffloadedRequest(KvRequest request, String model, int blockTokens, BlockIndex index) {
        this.request = request;
        this.model = model;
        this.blockTokens = blockTokens;
        this.index = index;
        this.tokens = request.promptTokens();
        this.count = tokens.length;
        this.names = names(count);
    }

    KvRequest request() {
        return request;
    }

    /** Names of the whole blocks of its prompt, and of generated tokens as far as planned. */
    List<BlockHash> names() {
        return names;
    }

    private List<BlockHash> names(int known) {
        return BlockHash.chain(tokens, known, blockTokens, model, request.salt());
    }

    /** More tokens are known. */
    void onGenerated(int[] more) {
        if (count + more.length > tokens.length || tokens == request.promptTokens()) {
            tokens = Arrays.copyOf(tokens, count + Math.max(more.length, count / 2));
        }
        System.arraycopy(more, 0, tokens, count, more.length);
        count += more.length;
    }

    /** Number of tokens, from the first, that can be loaded; their blocks stay until released. */
    int find() {
        synchronized (lock) {
            List<BlockHash> all = names;
            head.addAll(index.acquire(all.subList(head.size(), all.size())));
            return head.size() * blockTokens;
        }
    }

    /**
     * The engine has made room.
     *
     * @param from first token that is loaded
     * @param toLoad how many; 0 if it computes all
     */
    void onAllocated(int from, int toLoad) {
        synchronized (lock) {
            plannedBlocks = head.size();
        }
        loadFrom = from;
        loadTokens = toLoad;
        if (toLoad == 0) {
            release();
        }
    }

    /** The load of the coming step. */
    Optional<Task> planLoad(StepPlan.Entry entry) {
        if (loadTokens == 0) {
            return Optional.empty();
        }
        Task task = StepMetadata.task(request, entry.blocks(), loadFrom, loadFrom + loadTokens);
        loadTokens = 0;
        return Optional.of(task);
    }

    /** The save of the coming step: blocks that it completes, whose tokens are all known. */
    Optional<Task> planSave(StepPlan.Entry entry) {
        int computed = entry.computedTokens() + entry.scheduledTokens();
        int complete = Math.min(computed, count) / blockTokens;
        if (complete <= plannedBlocks) {
            return Optional.empty();
        }
        if (complete > names.size()) {
            names = names(complete * blockTokens);
        }
        Task task =
                StepMetadata.task(
                        request,
                        entry.blocks(),
                        plannedBlocks * blockTokens,
                        complete * blockTokens);
        plannedBlocks = complete;
        return Optional.of(task);
    }

    /**
     * Bytes were saved.
     *
     * @return all so far
     */
    long onSaved(long bytes) {
        savedBytes += bytes;
        return savedBytes;
    }

    /** Blocks that were found; the caller releases them. Gone here. */
    List<KeptBlock> takeHead() {
        synchronized (lock) {
            List<KeptBlock> taken = head;
            head = new ArrayList<>();
            return taken;
        }
    }

    /** Lets go of what was found. */
    void release() {
        index.release(takeHead());
    }
}
