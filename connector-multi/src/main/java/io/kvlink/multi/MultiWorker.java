// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The worker's half: gives each part its own work, and merges what they report. A part that throws
 * has no more of its step, and its loads of that step have failed; the others go on.
 *
 * <p>Of a request that one part loads within a step, another part may save the blocks in the same
 * step. That part is told of its layers when the load is known to be whole, at the step's end. If
 * the load failed, the part's saves of the step are left as those of a step that failed.
 */
final class MultiWorker implements KvWorker {

    private final List<Part> parts;
    private final Saves saves;
    private final Reports reports;
    private final LostLoads lost;
    private final List<PartStep> steps = new ArrayList<>();
    private int layers;
    // Layers of this step whose KV the engine has handed over.
    private int saved;

    MultiWorker(List<Part> parts, Saves saves, Reports reports, LostLoads lost) {
        this.parts = parts;
        this.saves = saves;
        this.reports = reports;
        this.lost = lost;
        parts.forEach(part -> steps.add(new PartStep(part)));
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> regions) {
        layers = regions.size();
        parts.forEach(part -> part.connector().worker().registerKvMemory(regions));
    }

    @Override
    public void startLoad(StepMetadata step) {
        saved = 0;
        List<StepMetadata> works = StepParts.split(step, parts.size());
        for (PartStep of : steps) {
            StepMetadata work = works.get(of.index());
            work.saves().forEach(task -> saves.onSave(task.request().id(), of.index()));
            Set<String> uncertain = loadedByOthers(works, of.index());
            uncertain.addAll(lost.requests());
            of.begin(work, uncertain);
        }
    }

    private static Set<String> loadedByOthers(List<StepMetadata> works, int part) {
        Set<String> loaded = new HashSet<>();
        for (int other = 0; other < works.size(); other++) {
            if (other != part) {
                works.get(other).loads().forEach(task -> loaded.add(task.request().id()));
            }
        }
        return loaded;
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        steps.forEach(
                of -> of.callOfLoads("awaitLayer", half -> half.awaitLayer(layer, deadlineNs)));
    }

    @Override
    public void saveLayer(int layer) {
        saved++;
        for (PartStep of : steps) {
            if (!of.waitsForLoads()) {
                of.saveLayer(layer);
            }
        }
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        saveWhatWaited();
        boolean all = true;
        for (PartStep of : steps) {
            all &= of.awaitSaves(deadlineNs);
        }
        return all;
    }

    private void saveWhatWaited() {
        if (steps.stream().noneMatch(PartStep::waitsForLoads)) {
            return;
        }
        steps.forEach(PartStep::poll);
        Set<String> whole = new HashSet<>();
        steps.forEach(of -> of.loaded().forEach(one -> whole.add(one.requestId())));
        for (PartStep of : steps) {
            if (of.waitsForLoads()) {
                of.onLoadsEnded(saved == layers ? whole : Set.of(), layers);
            }
        }
    }

    @Override
    public WorkerReport pollFinished() {
        List<WorkerReport> ofParts = new ArrayList<>();
        List<TransferOutcome> loaded = new ArrayList<>();
        List<TransferOutcome> failed = new ArrayList<>(lost.take());
        for (PartStep of : steps) {
            of.poll();
            WorkerReport report = of.takeReport();
            ofParts.add(report);
            report.sent().forEach(outcome -> saves.onSent(of.index(), outcome));
            report.loaded().forEach(one -> saves.onLoadEnded(of.index(), one.requestId()));
            report.failedLoads().forEach(one -> saves.onLoadEnded(of.index(), one.requestId()));
            loaded.addAll(report.loaded());
            failed.addAll(report.failedLoads());
        }
        reports.put(ofParts);
        return WorkerReport.of(saves.ended(), loaded, failed);
    }
}
