// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.Availability;
import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvEvent;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * A part that answers as the test says, and writes down what it is told. By default it has no KV.
 */
public final class PlayedPart implements KvConnector, KvScheduler, KvWorker {

    /** Found by its name, so that a whole can have a part without KV. */
    public static final class Provider implements KvConnectorProvider {

        private final String name;
        private final Supplier<PlayedPart> parts;

        public Provider() {
            this("played", PlayedPart::new);
        }

        Provider(String name, Supplier<PlayedPart> parts) {
            this.name = name;
            this.parts = parts;
        }

        @Override
        public String name() {
            return name;
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
            return parts.get();
        }
    }

    private final KvCapability ability;
    final List<String> told = new ArrayList<>();
    LoadDecision decision = LoadDecision.NOTHING;
    StepMetadata work = StepMetadata.EMPTY;
    StepMetadata started = StepMetadata.EMPTY;
    WorkerReport report = WorkerReport.EMPTY;
    WorkerReport heard = WorkerReport.EMPTY;
    BlockOwnership ownership = BlockOwnership.FREE_NOW;
    Availability health = Availability.usable();
    String protocol = "";
    Optional<HostPort> address = Optional.empty();
    StepPlan plan = StepPlan.of();
    boolean closeFails;
    // Name of the calls that throw; empty if none does.
    String throwsOn = "";

    private void called(String call) {
        if (call.equals(throwsOn)) {
            throw new IllegalStateException(call);
        }
    }

    PlayedPart() {
        this(KvCapability.GENERATED_TOKENS);
    }

    PlayedPart(KvCapability ability) {
        this.ability = ability;
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
        return Set.of(ability, KvCapability.BOTH_ROLES, KvCapability.CHUNKED_PREFILL);
    }

    @Override
    public Optional<HostPort> address() {
        return address;
    }

    @Override
    public String protocol() {
        return protocol;
    }

    @Override
    public KvLedger ledger() {
        return KvLedger.builder().build();
    }

    @Override
    public List<KvMetric> metrics() {
        called("metrics");
        return List.of(KvMetric.gauge("blocks", "Blocks.", Map.of(), 1));
    }

    @Override
    public List<KvEvent> takeEvents() {
        called("takeEvents");
        return List.of(KvEvent.stored(16, List.of()));
    }

    @Override
    public Availability health() {
        called("health");
        return health;
    }

    @Override
    public void close() {
        told.add("close");
        if (closeFails) {
            throw new IllegalStateException("close");
        }
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        called("onRequestAdded");
        told.add("added " + request.id());
    }

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        called("matchedTokens");
        return decision;
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        told.add("load " + loadTokens + " behind " + computedTokens);
    }

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        called("buildStep");
        this.plan = plan;
        return work;
    }

    @Override
    public void onStepDone(WorkerReport ofStep) {
        called("onStepDone");
        heard = ofStep;
    }

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        called("onRequestFinished");
        told.add("finished " + request.id());
        return ownership;
    }

    @Override
    public Optional<byte[]> attachment(KvRequest request) {
        return decision instanceof LoadDecision.Load
                ? Optional.of(new byte[] {(byte) told.size()})
                : Optional.empty();
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        told.add("memory " + layers.size());
    }

    @Override
    public void startLoad(StepMetadata step) {
        called("startLoad");
        started = step;
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        called("awaitLayer");
    }

    @Override
    public void saveLayer(int layer) {
        called("saveLayer");
        told.add("layer " + layer);
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        called("awaitSaves");
        told.add("saved");
        return true;
    }

    @Override
    public WorkerReport pollFinished() {
        called("pollFinished");
        WorkerReport now = report;
        report = WorkerReport.EMPTY;
        return now;
    }
}
