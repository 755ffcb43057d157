// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.List;

/** The worker's half: gives each part its own work, and merges what they report. */
final class MultiWorker implements KvWorker {

    private final List<Part> parts;
    private final Saves saves;
    private final Reports reports;

    MultiWorker(List<Part> parts, Saves saves, Reports reports) {
        this.parts = parts;
        this.saves = saves;
        this.reports = reports;
    }

    private static KvWorker half(Part part) {
        return part.connector().worker();
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        parts.forEach(part -> half(part).registerKvMemory(layers));
    }

    @Override
    public void startLoad(StepMetadata step) {
        List<StepMetadata> works = StepParts.split(step, parts.size());
        for (Part part : parts) {
            StepMetadata work = works.get(part.index());
            work.saves().forEach(task -> saves.onSave(task.request().id(), part.index()));
            half(part).startLoad(work);
        }
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        parts.forEach(part -> half(part).awaitLayer(layer, deadlineNs));
    }

    @Override
    public void saveLayer(int layer) {
        parts.forEach(part -> half(part).saveLayer(layer));
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        boolean all = true;
        for (Part part : parts) {
            all &= half(part).awaitSaves(deadlineNs);
        }
        return all;
    }

    @Override
    public WorkerReport pollFinished() {
        List<WorkerReport> ofParts = new ArrayList<>();
        List<TransferOutcome> loaded = new ArrayList<>();
        List<TransferOutcome> failed = new ArrayList<>();
        for (Part part : parts) {
            WorkerReport report = half(part).pollFinished();
            ofParts.add(report);
            report.sent().forEach(outcome -> saves.onSent(part.index(), outcome));
            report.loaded().forEach(one -> saves.onLoadEnded(part.index(), one.requestId()));
            report.failedLoads().forEach(one -> saves.onLoadEnded(part.index(), one.requestId()));
            loaded.addAll(report.loaded());
            failed.addAll(report.failedLoads());
        }
        reports.put(ofParts);
        return WorkerReport.of(saves.ended(), loaded, failed);
    }
}
