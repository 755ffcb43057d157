// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepMetadata.Task;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Scheduler's half: offers what is kept of a request's prompt, and plans which blocks are saved. A
 * block is saved in the step that completes it. The engine's scheduler thread.
 */
final class OffloadScheduler implements KvScheduler {

    private final Map<String, OffloadedRequest> requests;
    private final Function<KvRequest, OffloadedRequest> newRequest;

    /**
     * Half of a connector.
     *
     * @param requests requests by their ids, shared with the other half
     * @param newRequest makes one
     */
    OffloadScheduler(
            Map<String, OffloadedRequest> requests,
            Function<KvRequest, OffloadedRequest> newRequest) {
        this.requests = requests;
        this.newRequest = newRequest;
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        requests.put(request.id(), newRequest.apply(request));
    }

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        OffloadedRequest known = requests.get(request.id());
        if (known == null) {
            return LoadDecision.NOTHING;
        }
        int tokens = Math.min(known.find(), request.transferTokens()) - computedTokens;
        return LoadDecision.load(Math.max(tokens, 0), false);
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        OffloadedRequest known = requests.get(request.id());
        if (known != null) {
            known.onAllocated(computedTokens, loadTokens);
        }
    }

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        List<Task> loads = new ArrayList<>();
        List<Task> saves = new ArrayList<>();
        for (StepPlan.Entry entry : plan.entries()) {
            OffloadedRequest known = requests.get(entry.request().id());
            if (known != null) {
                known.planLoad(entry).ifPresent(loads::add);
                known.planSave(entry).ifPresent(saves::add);
            }
        }
        return loads.isEmpty() && saves.isEmpty()
                ? StepMetadata.EMPTY
                : StepMetadata.of(loads, saves);
    }

    @Override
    public void onStepDone(WorkerReport report) {}

    @Override
    public void onTokensGenerated(KvRequest request, int[] tokens) {
        OffloadedRequest known = requests.get(request.id());
        if (known != null) {
            known.onGenerated(tokens);
        }
    }

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        OffloadedRequest known = requests.remove(request.id());
        if (known != null) {
            known.release();
        }
        // Copies are made, or come before all that the engine enqueues from now on.
        return BlockOwnership.FREE_NOW;
    }
}
