// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The scheduler's half: asks the parts in their order, and tells all of them. */
final class MultiScheduler implements KvScheduler {

    private final List<Part> parts;
    private final Saves saves;
    private final Reports reports;
    // Of requests that can be loaded: the part that said so last.
    private final Map<String, Part> chosen = new HashMap<>();

    MultiScheduler(List<Part> parts, Saves saves, Reports reports) {
        this.parts = parts;
        this.saves = saves;
        this.reports = reports;
    }

    private static KvScheduler half(Part part) {
        return part.connector().scheduler();
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        parts.forEach(part -> half(part).onRequestAdded(request));
    }

    /** An earlier part that doesn't know yet is waited for; one that failed isn't. */
    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        chosen.remove(request.id());
        LoadDecision failed = null;
        for (Part part : parts) {
            LoadDecision decision = half(part).matchedTokens(request, computedTokens);
            if (decision instanceof LoadDecision.Load load && load.tokens() > 0) {
                chosen.put(request.id(), part);
                return load;
            } else if (decision instanceof LoadDecision.AskAgain) {
                return decision;
            } else if (decision instanceof LoadDecision.Failed && failed == null) {
                failed = decision;
            }
        }
        return failed == null ? LoadDecision.NOTHING : failed;
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        Part loads = chosen.remove(request.id());
        for (Part part : parts) {
            int tokens = part.equals(loads) ? loadTokens : 0;
            half(part).onBlocksAllocated(request, blocks, computedTokens, tokens);
        }
    }

    @Override
    public void onTokensGenerated(KvRequest request, int[] tokens) {
        parts.forEach(part -> half(part).onTokensGenerated(request, tokens));
    }

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        return StepParts.join(parts.stream().map(part -> half(part).buildStep(plan)).toList());
    }

    @Override
    public void onStepDone(WorkerReport report) {
        reports.drain(
                ofParts -> {
                    for (Part part : parts) {
                        half(part).onStepDone(ofParts.get(part.index()));
                    }
                });
    }

    @Override
    public void attach(KvRequest request, byte[] content) {
        parts.forEach(part -> half(part).attach(request, content));
    }

    @Override
    public Optional<byte[]> attachment(KvRequest request) {
        Part loads = chosen.get(request.id());
        return loads == null ? Optional.empty() : half(loads).attachment(request);
    }

    @Override
    public BlockOwnership onRequestPreempted(KvRequest request) {
        return ended(request, part -> half(part).onRequestPreempted(request));
    }

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        return ended(request, part -> half(part).onRequestFinished(request));
    }

    private BlockOwnership ended(KvRequest request, Function<Part, BlockOwnership> tell) {
        chosen.remove(request.id());
        BitSet owners = new BitSet();
        for (Part part : parts) {
            owners.set(part.index(), tell.apply(part) == BlockOwnership.CONNECTOR_OWNS);
        }
        saves.onFinished(request.id(), owners);
        return owners.isEmpty() ? BlockOwnership.FREE_NOW : BlockOwnership.CONNECTOR_OWNS;
    }
}
