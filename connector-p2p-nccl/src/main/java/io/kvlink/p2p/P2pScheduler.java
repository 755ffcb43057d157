// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.arrival.LoadableKv;
import io.kvlink.p2p.internal.engine.ControlAgent;
import io.kvlink.p2p.internal.send.SavedKv;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.PromptDigest;
import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The scheduler's half. KV is received before its request gets blocks, so a request whose KV is
 * late holds nothing that another needs; once all of it is here, the load takes part in the step.
 */
final class P2pScheduler implements KvScheduler {

    private record Allocation(BlockTable blocks, int fromToken, int loadTokens) {}

    private final P2pRequests requests;
    private final ControlAgent control;
    private final List<KvLayerGroup> groups;
    private final int chunkTokens;
    private final Map<String, Allocation> allocations = new HashMap<>();
    // Of requests whose KV is leaving: chunks that the steps so far have saved.
    private final Map<String, Integer> saved = new HashMap<>();

    P2pScheduler(
            P2pRequests requests,
            ControlAgent control,
            List<KvLayerGroup> groups,
            int chunkTokens) {
        this.requests = requests;
        this.control = control;
        this.groups = groups;
        this.chunkTokens = chunkTokens;
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        if (requests.consumed(request)) {
            long digest = PromptDigest.of(request);
            AwaitedKv kv = new AwaitedKv(request, digest, groups);
            requests.awaited.put(request.id(), kv);
            control.expect(kv);
        }
    }

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        AwaitedKv kv = requests.awaited.get(request.id());
        int most = request.transferTokens() + (request.attachment() ? 1 : 0);
        if (kv == null || computedTokens >= most) {
            return LoadDecision.NOTHING;
        }
        Optional<LoadableKv> loadable = kv.loadable();
        Optional<Expectation.Failed> failed =
                kv.failure().or(() -> loadable.map(LoadableKv::failure));
        if (failed.isPresent()) {
            return LoadDecision.failed(failed.get().error(), failed.get().detail());
        }
        return loadable.map(all -> load(request, all, computedTokens))
                .orElseGet(LoadDecision::askAgain);
    }

    private static LoadDecision load(KvRequest request, LoadableKv kv, int computedTokens) {
        boolean whole = request.attachment() && kv.attachment().isPresent();
        int tokens = request.transferTokens() + (whole ? 1 : 0) - computedTokens;
        return tokens > 0 ? LoadDecision.load(tokens, false) : LoadDecision.NOTHING;
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        if (loadTokens > 0) {
            requireWindows(request, computedTokens + loadTokens);
            allocations.put(request.id(), new Allocation(blocks, computedTokens, loadTokens));
        } else {
            release(request.id());
        }
    }

    // A window's KV is that before the prompt's last token. No other token can follow it.
    private void requireWindows(KvRequest request, int tokens) {
        if (tokens < request.transferTokens()
                && groups.stream().anyMatch(group -> group.window() > 0)) {
            throw new IllegalArgumentException(
                    "%s tokens=%d of %d; where layers have windows, load all or none"
                            .formatted(request, tokens, request.transferTokens()));
        }
    }

    @Override
    public Optional<byte[]> attachment(KvRequest request) {
        return Optional.ofNullable(requests.awaited.get(request.id()))
                .filter(kv -> request.attachment())
                .flatMap(AwaitedKv::loadable)
                .flatMap(LoadableKv::attachment)
                .map(P2pScheduler::copy);
    }

    private static byte[] copy(ByteBuffer content) {
        byte[] copy = new byte[content.remaining()];
        content.get(content.position(), copy);
        return copy;
    }

    @Override
    public void attach(KvRequest request, byte[] content) {
        if (!request.attachment() || content.length > MAX_ATTACHMENT_BYTES) {
            throw new IllegalArgumentException(
                    request + " attachment=" + request.attachment() + " bytes=" + content.length);
        }
        SavedKv outbound = requests.saved.get(request.id());
        if (outbound != null) {
            control.attach(outbound, Optional.of(ByteBuffer.wrap(content.clone())));
        }
    }

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        List<StepMetadata.Task> loads = new ArrayList<>();
        List<StepMetadata.Task> saves = new ArrayList<>();
        for (StepPlan.Entry entry : plan.entries()) {
            KvRequest request = entry.request();
            Allocation allocation = allocations.remove(request.id());
            if (allocation != null) {
                int from = allocation.fromToken;
                int to = from + allocation.loadTokens;
                loads.add(StepMetadata.task(request, allocation.blocks, from, to));
            }
            if (requests.produced(request)) {
                save(entry, saves);
            }
        }
        return StepMetadata.of(loads, saves);
    }

    // A chunk leaves in the step that completes it: all earlier tokens are in the blocks.
    private void save(StepPlan.Entry entry, List<StepMetadata.Task> saves) {
        KvRequest request = entry.request();
        Chunks chunks = Chunks.of(request.transferTokens(), chunkTokens, request.attachment());
        int first = saved.getOrDefault(request.id(), 0);
        int end = chunks.complete(entry.computedTokens() + entry.scheduledTokens());
        if (end > first) {
            saved.put(request.id(), end);
            int from = chunks.from(first);
            int to = chunks.to(end - 1);
            saves.add(StepMetadata.task(request, entry.blocks(), from, to));
        }
    }

    @Override
    public void onStepDone(WorkerReport report) {
        for (TransferOutcome loaded : report.loaded()) {
            release(loaded.requestId());
        }
        for (TransferOutcome failed : report.failedLoads()) {
            release(failed.requestId());
        }
        for (TransferOutcome sent : report.sent()) {
            requests.saved.computeIfPresent(
                    sent.requestId(), (id, outbound) -> outbound.ended() ? null : outbound);
        }
    }

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        allocations.remove(request.id());
        saved.remove(request.id());
        release(request.id());
        SavedKv outbound = requests.saved.get(request.id());
        if (outbound == null || outbound.ended()) {
            return BlockOwnership.FREE_NOW;
        }
        if (!outbound.saved()) {
            control.abort(outbound);
        } else if (request.attachment()) {
            control.attach(outbound, Optional.empty()); // Unless something was attached before.
        }
        return !outbound.copied() ? BlockOwnership.CONNECTOR_OWNS : BlockOwnership.FREE_NOW;
    }

    private void release(String requestId) {
        AwaitedKv kv = requests.awaited.remove(requestId);
        if (kv != null) {
            control.release(kv);
        }
    }
}
