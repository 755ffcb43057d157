// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.connector;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.List;

/** Both halves of the connector of a worker that has none: everything is computed here. */
public final class NoConnector implements KvScheduler, KvWorker {

    @Override
    public void onRequestAdded(KvRequest request) {}

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        return LoadDecision.NOTHING;
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {}

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        return StepMetadata.EMPTY;
    }

    @Override
    public void onStepDone(WorkerReport report) {}

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        return BlockOwnership.FREE_NOW;
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {}

    @Override
    public void startLoad(StepMetadata step) {}

    @Override
    public void awaitLayer(int layer, long deadlineNs) {}

    @Override
    public void saveLayer(int layer) {}

    @Override
    public boolean awaitSaves(long deadlineNs) {
        return true;
    }

    @Override
    public WorkerReport pollFinished() {
        return WorkerReport.EMPTY;
    }
}
