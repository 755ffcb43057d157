// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Memory of what one engine has told its connector of its requests, and what it may say next. Both
 * halves' threads call it, so it locks itself.
 */
final class EngineCheck {

    private final KvLayout layout;
    private final EngineCalls calls;
    private final StepCheck steps;
    // The connector saves generated tokens, so the engine has to tell them.
    private final boolean needsGenerated;
    private final Map<String, CheckedRequest> requests = new HashMap<>();
    private final Set<String> everAdded = new HashSet<>();
    private final UsedBlocks used = new UsedBlocks();
    private @Nullable Thread scheduler;
    private @Nullable Thread worker;
    private boolean registered;
    private boolean closed;

    EngineCheck(KvLayout layout, EngineCalls calls, boolean needsGenerated) {
        this.layout = layout;
        this.calls = calls;
        this.needsGenerated = needsGenerated;
        this.steps = new StepCheck(layout.layers(), calls);
    }

    /** Check of the order of a step's calls. */
    StepCheck steps() {
        return steps;
    }

    private void require(boolean holds, String call, Object about) {
        calls.require(holds, call, about);
    }

    synchronized void onScheduler(String call) {
        scheduler = scheduler == null ? Thread.currentThread() : scheduler;
        require(scheduler == Thread.currentThread(), call, "another thread than before");
        require(!closed, call, "the connector is closed");
    }

    synchronized void onWorker(String call) {
        worker = worker == null ? Thread.currentThread() : worker;
        require(worker == Thread.currentThread(), call, "another thread than before");
        require(!closed, call, "the connector is closed");
    }

    private CheckedRequest known(KvRequest request, String call) {
        CheckedRequest known = requests.get(request.id());
        require(known != null, call, request.id() + " wasn't added, or has ended");
        return known == null ? new CheckedRequest(request.promptTokens().length) : known;
    }

    synchronized void onMemory(List<MemoryRegion> layers) {
        onWorker("registerKvMemory");
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
        requests.put(request.id(), new CheckedRequest(request.promptTokens().length));
    }

    synchronized void onAsked(KvRequest request, int computedTokens, LoadDecision answer) {
        onScheduler("matchedTokens");
        require(
                computedTokens >= 0 && computedTokens <= request.promptTokens().length,
                "matchedTokens",
                request.id() + " computedTokens=" + computedTokens);
        known(request, "matchedTokens").onAnswer(computedTokens, answer);
    }

    synchronized void onAttachmentAsked(KvRequest request) {
        onScheduler("attachment");
        known(request, "attachment");
        require(request.attachment(), "attachment", request.id() + " is one without");
    }

    synchronized void onBlocks(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        String call = "onBlocksAllocated";
        String id = request.id();
        onScheduler(call);
        CheckedRequest known = known(request, call);
        require(known.blocks.isEmpty(), call, id + " a second time");
        require(
                loadTokens >= 0 && loadTokens <= known.offered,
                call,
                "%s loadTokens=%d offered=%d".formatted(id, loadTokens, known.offered));
        require(
                loadTokens == 0 || computedTokens == known.asked,
                call,
                "%s computedTokens=%d, asked for %d".formatted(id, computedTokens, known.asked));
        int room = Math.multiplyExact(blocks.size(), layout.blockSize());
        require(room >= request.promptTokens().length, call, id + " room=" + room);
        requireUnused(call, id, blocks);
        known.onBlocks(blocks, computedTokens, loadTokens);
        if (loadTokens > 0) {
            used.add(id, blocks);
        }
    }

    private void requireUnused(String call, String id, BlockTable blocks) {
        for (String owner : used.ownersOf(blocks, id)) {
            require(
                    false,
                    call,
                    "%s has blocks that the connector still uses for %s".formatted(id, owner));
        }
    }

    synchronized void onPlan(StepPlan plan) {
        onScheduler("buildStep");
        calls.onStep();
        Set<String> seen = new HashSet<>();
        for (StepPlan.Entry entry : plan.entries()) {
            require(
                    seen.add(entry.request().id()),
                    "buildStep",
                    entry.request().id() + " twice in a step");
            onEntry(entry, entry.request().id());
        }
    }

    private void onEntry(StepPlan.Entry entry, String id) {
        String call = "buildStep";
        CheckedRequest known = known(entry.request(), call);
        int end = entry.computedTokens() + entry.scheduledTokens();
        require(known.blocks.isPresent(), call, id + " has no blocks");
        require(known.hasBlocks(entry.blocks()), call, id + " has other blocks than it was given");
        require(
                end <= Math.multiplyExact(entry.blocks().size(), layout.blockSize()),
                call,
                "%s computes up to %d in %d blocks".formatted(id, end, entry.blocks().size()));
        requireUnused(call, id, entry.blocks());
        require(!known.loadsAsync, call, id + " still loads");
        require(!known.spoiled, call, id + " goes on after a step that skipped its layers");
        // What was computed may be computed once more.
        require(
                entry.computedTokens() <= known.computed || known.blocks.isEmpty(),
                call,
                "%s computed=%d, told before: %d"
                        .formatted(id, entry.computedTokens(), known.computed));
        // A step may be enqueued before the one before it has said what it generated.
        require(
                entry.computedTokens() <= known.promptTokens + known.generated
                        || (known.generated == 0 && !needsGenerated),
                call,
                "%s computed=%d, and onTokensGenerated told %d behind a prompt of %d"
                        .formatted(
                                id, entry.computedTokens(), known.generated, known.promptTokens));
        known.computed = end;
    }

    synchronized void onGenerated(KvRequest request, int tokens) {
        String call = "onTokensGenerated";
        onScheduler(call);
        CheckedRequest known = known(request, call);
        require(tokens > 0, call, request.id() + " tokens=0");
        require(known.promptIsComputed(), call, request.id() + " before its prompt is computed");
        known.generated += tokens;
    }

    synchronized void onLoadStarted() {
        require(registered, "startLoad", "no memory was registered");
    }

    /** A step is over that skipped layers of these requests. */
    synchronized void onSpoiled(List<String> ids) {
        for (String id : ids) {
            CheckedRequest known = requests.get(id);
            if (known != null) {
                known.spoiled = true;
            }
        }
    }

    synchronized void onReport(WorkerReport report) {
        for (List<TransferOutcome> ended :
                List.of(report.sent(), report.loaded(), report.failedLoads())) {
            ended.forEach(outcome -> used.remove(outcome.requestId()));
        }
        for (TransferOutcome outcome : report.loaded()) {
            CheckedRequest known = requests.get(outcome.requestId());
            if (known != null) {
                known.onLoaded();
            }
        }
        for (TransferOutcome outcome : report.failedLoads()) {
            CheckedRequest known = requests.get(outcome.requestId());
            if (known != null) {
                known.onFailedLoad();
            }
        }
    }

    synchronized void onAttach(KvRequest request) {
        onScheduler("attach");
        CheckedRequest known = known(request, "attach");
        require(request.attachment(), "attach", request.id() + " is one without");
        require(!known.attached, "attach", request.id() + " a second time");
        require(
                known.promptIsComputed(),
                "attach",
                request.id() + " before its prompt is computed");
        known.attached = true;
    }

    synchronized void onEnded(String call, KvRequest request, BlockOwnership answer) {
        onScheduler(call);
        CheckedRequest known = known(request, call);
        requests.remove(request.id());
        used.remove(request.id());
        if (answer == BlockOwnership.CONNECTOR_OWNS) {
            known.blocks.ifPresent(blocks -> used.add(request.id(), blocks));
        }
    }

    synchronized List<String> unfinished() {
        return new ArrayList<>(requests.keySet());
    }

    synchronized void onClose() {
        closed = true;
    }
}
