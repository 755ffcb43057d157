// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The scheduler's half: asks the parts in their order, and tells all of them, also if one throws. A
 * failure that it can't hide from the request is thrown when all are told.
 */
final class MultiScheduler implements KvScheduler {

    private final List<Part> parts;
    private final Saves saves;
    private final Reports reports;
    private final LostLoads lost;
    // Of requests that can be loaded: the part that said so last.
    private final Map<String, Part> chosen = new HashMap<>();
    // Of requests whose load was accepted and hasn't ended: the part that loads.
    private final Map<String, Part> loading = new HashMap<>();

    MultiScheduler(List<Part> parts, Saves saves, Reports reports, LostLoads lost) {
        this.parts = parts;
        this.saves = saves;
        this.reports = reports;
        this.lost = lost;
    }

    private static KvScheduler half(Part part) {
        return part.connector().scheduler();
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        tellAll("onRequestAdded", part -> half(part).onRequestAdded(request));
    }

    /** An earlier part that doesn't know yet is waited for; one that failed isn't. */
    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        chosen.remove(request.id());
        LoadDecision failed = null;
        for (Part part : parts) {
            LoadDecision decision = matchedTokens(part, request, computedTokens);
            if (decision instanceof LoadDecision.Load load && load.tokens() > 0) {
                chosen.put(request.id(), part);
                return onlyStore(part) ? load.byTokens(true) : load;
            } else if (decision instanceof LoadDecision.AskAgain) {
                return decision;
            } else if (decision instanceof LoadDecision.Failed && failed == null) {
                failed = decision;
            }
        }
        return failed == null ? LoadDecision.NOTHING : failed;
    }

    private static boolean onlyStore(Part part) {
        return part.has(KvCapability.STORE) && !part.has(KvCapability.PEERS);
    }

    private static LoadDecision matchedTokens(Part part, KvRequest request, int computedTokens) {
        String call = "matchedTokens";
        try {
            return half(part).matchedTokens(request, computedTokens);
        } catch (RuntimeException | Error cause) {
            part.onThrown(call, cause);
            return LoadDecision.failed(
                    KvError.INTERNAL, "part=%s call=%s".formatted(part.label(), call));
        }
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        @Nullable Part loads = chosen.remove(request.id());
        if (loads != null && loadTokens > 0) {
            loading.put(request.id(), loads);
        }
        tellAll(
                "onBlocksAllocated",
                part -> {
                    int tokens = part.equals(loads) ? loadTokens : 0;
                    half(part).onBlocksAllocated(request, blocks, computedTokens, tokens);
                });
    }

    @Override
    public void onTokensGenerated(KvRequest request, int[] tokens) {
        tellAll("onTokensGenerated", part -> half(part).onTokensGenerated(request, tokens));
    }

    /** A part that throws has no work in this step, and what it was to load in it is lost. */
    @Override
    public StepMetadata buildStep(StepPlan plan) {
        List<StepMetadata> works = new ArrayList<>();
        for (Part part : parts) {
            StepPlan ofPart = onlyStore(part) ? plan.storable() : plan;
            StepMetadata work = StepMetadata.EMPTY;
            try {
                work = half(part).buildStep(ofPart);
            } catch (RuntimeException | Error cause) {
                part.onThrown("buildStep", cause);
                plan.entries().forEach(entry -> onNotPlanned(entry.request().id(), part));
            }
            works.add(work);
        }
        return StepParts.join(works);
    }

    private void onNotPlanned(String requestId, Part part) {
        if (loading.remove(requestId, part)) {
            lost.add(part.failure(requestId, "buildStep"));
        }
    }

    @Override
    public void onStepDone(WorkerReport report) {
        report.loaded().forEach(outcome -> loading.remove(outcome.requestId()));
        report.failedLoads().forEach(outcome -> loading.remove(outcome.requestId()));
        reports.drain(
                ofParts -> {
                    for (Part part : parts) {
                        tell(
                                part,
                                "onStepDone",
                                of -> half(of).onStepDone(ofParts.get(of.index())));
                    }
                });
    }

    @Override
    public void attach(KvRequest request, byte[] content) {
        tellAll("attach", part -> half(part).attach(request, content));
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

    /** A part that throws may still use the blocks: they are better lost than overwritten. */
    private BlockOwnership ended(KvRequest request, Function<Part, BlockOwnership> tell) {
        chosen.remove(request.id());
        loading.remove(request.id());
        BitSet owners = new BitSet();
        for (Part part : parts) {
            owners.set(part.index());
            tell(
                    part,
                    "onRequestFinished",
                    of -> owners.set(of.index(), tell.apply(of) == BlockOwnership.CONNECTOR_OWNS));
        }
        saves.onFinished(request.id(), owners);
        return owners.isEmpty() ? BlockOwnership.FREE_NOW : BlockOwnership.CONNECTOR_OWNS;
    }

    /** Tells all parts, and then throws what the first has thrown. */
    private void tellAll(String call, Consumer<Part> made) {
        Throwable failure = null;
        for (Part part : parts) {
            Throwable thrown = tell(part, call, made);
            failure = failure == null ? thrown : failure;
        }
        if (failure instanceof Error error) {
            throw error;
        } else if (failure instanceof RuntimeException unchecked) {
            throw unchecked;
        }
    }

    private static @Nullable Throwable tell(Part part, String call, Consumer<Part> made) {
        try {
            made.accept(part);
            return null;
        } catch (RuntimeException | Error cause) {
            part.onThrown(call, cause);
            return cause;
        }
    }
}
