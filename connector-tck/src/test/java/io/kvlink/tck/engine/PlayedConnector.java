// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import io.kvlink.spi.Availability;
import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Connector that answers what a test says, and moves nothing. One thread. */
final class PlayedConnector implements KvConnectorProvider, KvConnector, KvScheduler, KvWorker {

    Set<KvCapability> capabilities = Set.of();
    LoadDecision decision = LoadDecision.NOTHING;
    StepMetadata step = StepMetadata.EMPTY;
    WorkerReport report = WorkerReport.EMPTY;
    BlockOwnership ownership = BlockOwnership.FREE_NOW;
    Runnable wakeup = () -> {};

    @Override
    public String name() {
        return "played";
    }

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        wakeup = context.wakeup();
        return this;
    }

    @Override
    public KvScheduler scheduler() {
        return this;
    }

    @Override
    public KvWorker worker() {
        return this;
    }

    @Override
    public Set<KvCapability> capabilities() {
        return capabilities;
    }

    @Override
    public Optional<HostPort> address() {
        return Optional.empty();
    }

    @Override
    public KvLedger ledger() {
        return KvLedger.builder().build();
    }

    @Override
    public List<KvMetric> metrics() {
        return List.of();
    }

    @Override
    public void close() {}

    @Override
    public void onRequestAdded(KvRequest request) {}

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        return decision;
    }

    @Override
    public void onBlocksAllocated(KvRequest request, BlockTable blocks, int computed, int load) {}

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        return step;
    }

    @Override
    public void onStepDone(WorkerReport told) {}

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        return ownership;
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {}

    @Override
    public void startLoad(StepMetadata started) {}

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
        return report;
    }
}
