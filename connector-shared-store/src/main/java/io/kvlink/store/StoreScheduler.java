// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepMetadata.Task;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Scheduler's half: offers what was read for a request, and plans which blocks are saved. A block
 * is saved in the step that completes it. Never touches a file. The engine's scheduler thread.
 */
final class StoreScheduler implements KvScheduler {

    private final Map<String, StoredRequest> requests;
    private final KvRole role;
    private final StoreParts parts;
    private final LongSupplier clock;

    StoreScheduler(
            Map<String, StoredRequest> requests,
            KvRole role,
            StoreParts parts,
            LongSupplier clock) {
        this.requests = requests;
        this.role = role;
        this.parts = parts;
        this.clock = clock;
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        if (request.promptTokens().length < parts.blockTokens()) {
            return; // No whole block.
        }
        long deadlineNs = clock.getAsLong() + parts.loadTimeoutNs();
        StoredRequest added = parts.newRequest(request, deadlineNs);
        requests.put(request.id(), added);
        if (role.consumes() && request.transferTokens() > 0) {
            parts.loader().look(added);
        } else {
            added.onLooked();
        }
    }

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        StoredRequest known = requests.get(request.id());
        if (known == null || known.late) {
            return LoadDecision.NOTHING;
        }
        if (!known.looked()) {
            return clock.getAsLong() - known.deadlineNs() < 0
                    ? LoadDecision.askAgain()
                    : LoadDecision.NOTHING;
        }
        int read = known.read().size() * parts.blockTokens();
        int tokens = Math.min(read, request.transferTokens()) - computedTokens;
        return LoadDecision.load(Math.max(tokens, 0), false);
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        StoredRequest known = requests.get(request.id());
        if (known == null) {
            return;
        }
        if (loadTokens == 0) {
            if (!known.looked()) {
                known.late = true;
                parts.figures().lateLookups.increment();
            }
            known.release();
        }
        known.loadFrom = computedTokens;
        known.loadTokens = loadTokens;
    }

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        List<Task> loads = new ArrayList<>();
        List<Task> saves = new ArrayList<>();
        for (StepPlan.Entry entry : plan.entries()) {
            StoredRequest known = requests.get(entry.request().id());
            if (known != null) {
                addLoad(known, entry, loads);
                addSave(known, entry, saves);
            }
        }
        return loads.isEmpty() && saves.isEmpty()
                ? StepMetadata.EMPTY
                : StepMetadata.of(loads, saves);
    }

    private static void addLoad(StoredRequest known, StepPlan.Entry entry, List<Task> loads) {
        if (known.loadTokens > 0) {
            int to = known.loadFrom + known.loadTokens;
            loads.add(StepMetadata.task(entry.request(), entry.blocks(), known.loadFrom, to));
            known.loadTokens = 0;
        }
    }

    private void addSave(StoredRequest known, StepPlan.Entry entry, List<Task> saves) {
        if (!role.produces()) {
            return;
        }
        int size = parts.blockTokens();
        int prompt = entry.request().promptTokens().length;
        int complete = Math.min(entry.computedTokens() + entry.scheduledTokens(), prompt) / size;
        int from = Math.max(known.savedBlocks, known.found());
        if (complete > from) {
            saves.add(
                    StepMetadata.task(
                            entry.request(), entry.blocks(), from * size, complete * size));
        }
        known.savedBlocks = Math.max(from, complete);
    }

    @Override
    public void onStepDone(WorkerReport report) {}

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        StoredRequest known = requests.remove(request.id());
        if (known != null) {
            known.release();
        }
        // What is saved was copied in its step.
        return BlockOwnership.FREE_NOW;
    }
}
