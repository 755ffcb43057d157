// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Memory of what one engine has told its connector, and what it may say next. Both halves' threads
 * call it, so it locks itself.
 */
final class EngineCheck {

    private static final class Request {
        private int offered;
        private int computed = -1;
        private boolean loadsAsync;
        private boolean attached;
        private @Nullable BlockTable blocks;
    }

    private enum Stage {
        BETWEEN_STEPS,
        BUILT,
        STARTED
    }

    private final KvLayout layout;
    private final EngineCalls calls;
    private final Map<String, Request> requests = new HashMap<>();
    private final Set<String> everAdded = new HashSet<>();
    // Blocks that a connector still uses, by the request that had them.
    private final Map<String, BlockTable> owned = new HashMap<>();
    private @Nullable Thread scheduler;
    private @Nullable Thread worker;
    private Stage stage = Stage.BETWEEN_STEPS;
    private boolean loads;
    // The next layer to be awaited, and to be saved.
    private int awaited;
    private int saved;
    private boolean registered;
    private boolean closed;

    EngineCheck(KvLayout layout, EngineCalls calls) {
        this.layout = layout;
        this.calls = calls;
    }

    private void require(boolean holds, String call, Object about) {
        if (!holds) {
            calls.onViolation(call + ": " + about);
        }
    }

    private void onScheduler(String call) {
        scheduler = scheduler == null ? Thread.currentThread() : scheduler;
        require(scheduler == Thread.currentThread(), call, "another thread than before");
        require(!closed, call, "the connector is closed");
    }

    private void onWorker(String call) {
        worker = worker == null ? Thread.currentThread() : worker;
        require(worker == Thread.currentThread(), call, "another thread than before");
        require(!closed, call, "the connector is closed");
    }

    private Request known(KvRequest request, String call) {
        Request known = requests.get(request.id());
        require(known != null, call, request.id() + " wasn't added, or has ended");
        return known == null ? new Request() : known;
    }

    synchronized void onMemory(List<MemoryRegion> layers) {
        require(!registered, "registerKvMemory", "a second time");
        registered = true;
        require(layers.size() == layout.layers(), "registerKvMemory", "layers=" + layers.size());
        for (MemoryRegion region : layers) {
            boolean whole = region.bytes() % layout.blockBytes() == 0;
            boolean equal = region.bytes() == layers.get(0).bytes();
            require(whole && equal, "registerKvMemory", region);
        }
    }

    synchronized void onAdded(KvRequest request) {
        onScheduler("onRequestAdded");
        require(everAdded.add(request.id()), "onRequestAdded", request.id() + " a second time");
        requests.put(request.id(), new Request());
    }

    synchronized void onAsked(KvRequest request, int computedTokens, LoadDecision answer) {
        onScheduler("matchedTokens");
        Request known = known(request, "matchedTokens");
        require(
                computedTokens >= 0 && computedTokens <= request.promptTokens().length,
                "matchedTokens",
                request.id() + " computedTokens=" + computedTokens);
        known.offered = answer instanceof LoadDecision.Load load ? load.tokens() : 0;
        known.loadsAsync = answer instanceof LoadDecision.Load load && load.async();
    }

    synchronized void onBlocks(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        String call = "onBlocksAllocated";
        onScheduler(call);
        Request known = known(request, call);
        require(
                loadTokens >= 0 && loadTokens <= known.offered,
                call,
                "%s loadTokens=%d offered=%d".formatted(request.id(), loadTokens, known.offered));
        int room = Math.multiplyExact(blocks.size(), layout.blockSize());
        require(room >= request.promptTokens().length, call, request.id() + " room=" + room);
        owned.forEach(
                (owner, theirs) ->
                        require(
                                apart(theirs, blocks),
                                call,
                                "%s has blocks that the connector still uses for %s"
                                        .formatted(request.id(), owner)));
        known.blocks = blocks;
        known.loadsAsync &= loadTokens > 0;
        known.computed = computedTokens + (known.loadsAsync ? 0 : loadTokens);
        if (known.loadsAsync) {
            known.offered = loadTokens;
        }
    }

    private static boolean apart(BlockTable one, BlockTable other) {
        Set<Integer> blocks = new HashSet<>();
        for (int i = 0; i < one.size(); i++) {
            blocks.add(one.block(i));
        }
        for (int i = 0; i < other.size(); i++) {
            if (blocks.contains(other.block(i))) {
                return false;
            }
        }
        return true;
    }

    synchronized void onPlan(StepPlan plan) {
        onScheduler("buildStep");
        require(stage == Stage.BETWEEN_STEPS, "buildStep", stage);
        stage = Stage.BUILT;
        calls.onStep();
        Set<String> seen = new HashSet<>();
        for (StepPlan.Entry entry : plan.entries()) {
            String id = entry.request().id();
            Request known = known(entry.request(), "buildStep");
            require(seen.add(id), "buildStep", id + " twice in a step");
            require(known.blocks != null, "buildStep", id + " has no blocks");
            require(!known.loadsAsync, "buildStep", id + " still loads");
            // What was computed may be computed once more.
            require(
                    entry.computedTokens() <= known.computed || known.blocks == null,
                    "buildStep",
                    "%s computed=%d, told before: %d"
                            .formatted(id, entry.computedTokens(), known.computed));
            known.computed = entry.computedTokens() + entry.scheduledTokens();
        }
    }

    synchronized void onStart(StepMetadata step) {
        onWorker("startLoad");
        require(registered, "startLoad", "no memory was registered");
        require(stage == Stage.BUILT, "startLoad", stage);
        stage = Stage.STARTED;
        loads = !step.loads().isEmpty();
        awaited = 0;
        saved = 0;
    }

    // Without a load in the step an engine needn't wait.
    synchronized void onAwait(int layer) {
        onWorker("awaitLayer");
        require(stage == Stage.STARTED, "awaitLayer", stage);
        require(layer == awaited, "awaitLayer", layer + " instead of " + awaited);
        awaited = layer + 1;
    }

    // Without a save in the step an engine needn't hand anything over.
    synchronized void onSave(int layer) {
        onWorker("saveLayer");
        require(stage == Stage.STARTED, "saveLayer", stage);
        require(layer == saved, "saveLayer", layer + " instead of " + saved);
        require(!loads || layer < awaited, "saveLayer", layer + " before its load was awaited");
        saved = layer + 1;
    }

    synchronized void onAwaitSaves() {
        onWorker("awaitSaves");
        boolean whole = saved == 0 || saved == layout.layers();
        require(stage == Stage.STARTED && whole, "awaitSaves", stage + " saved=" + saved);
    }

    synchronized void onPoll(WorkerReport report) {
        onWorker("pollFinished");
        for (List<TransferOutcome> ended :
                List.of(report.sent(), report.loaded(), report.failedLoads())) {
            ended.forEach(outcome -> owned.remove(outcome.requestId()));
        }
        for (TransferOutcome loaded : report.loaded()) {
            Request known = requests.get(loaded.requestId());
            if (known != null && known.loadsAsync) {
                known.loadsAsync = false;
                known.computed += known.offered;
            }
        }
    }

    synchronized void onStepDone() {
        onScheduler("onStepDone");
        stage = Stage.BETWEEN_STEPS;
    }

    synchronized void onAttach(KvRequest request) {
        onScheduler("attach");
        Request known = known(request, "attach");
        require(request.attachment(), "attach", request.id() + " is one without");
        require(!known.attached, "attach", request.id() + " a second time");
        known.attached = true;
    }

    synchronized void onEnded(String call, KvRequest request, BlockOwnership answer) {
        onScheduler(call);
        Request known = known(request, call);
        requests.remove(request.id());
        BlockTable blocks = known.blocks;
        if (answer == BlockOwnership.CONNECTOR_OWNS && blocks != null) {
            owned.put(request.id(), blocks);
        }
    }

    synchronized void onClose() {
        closed = true;
    }
}
