// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.KvWorker;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A part's share in the step, at the worker's half. After a call that throws the part has no more
 * of its step. Worker's thread.
 */
final class PartStep {

    private final Part part;
    private final KvWorker half;
    // Requests that the part loads in this step, and has not reported.
    private final Set<String> loading = new HashSet<>();
    // Requests that it saves, and others load, in this step.
    private final Set<String> awaited = new HashSet<>();
    private WorkerReport report = WorkerReport.EMPTY;
    // The call that threw in this step; empty if none did.
    private String thrown = "";
    private boolean loadsLost;
    private boolean savesGivenUp;

    PartStep(Part part) {
        this.part = part;
        this.half = part.connector().worker();
    }

    int index() {
        return part.index();
    }

    /**
     * Begins the part's work.
     *
     * @param uncertain requests whose blocks may turn out to be of no use in this step
     */
    void begin(StepMetadata work, Set<String> uncertain) {
        thrown = "";
        loadsLost = false;
        savesGivenUp = false;
        loading.clear();
        work.loads().forEach(task -> loading.add(task.request().id()));
        awaited.clear();
        work.saves().forEach(task -> awaited.add(task.request().id()));
        awaited.retainAll(uncertain);
        callOfLoads("startLoad", of -> of.startLoad(work));
    }

    /** Makes a call on which the part's loads depend. */
    void callOfLoads(String call, Consumer<KvWorker> made) {
        call(call, made);
        loadsLost |= thrown.equals(call);
    }

    private void call(String call, Consumer<KvWorker> made) {
        if (thrown.isEmpty()) {
            try {
                made.accept(half);
            } catch (RuntimeException | Error cause) {
                part.onThrown(call, cause);
                thrown = call;
            }
        }
    }

    void saveLayer(int layer) {
        if (!savesGivenUp) {
            call("saveLayer", of -> of.saveLayer(layer));
        }
    }

    /** True if the layers that it saves wait for others' loads. */
    boolean waitsForLoads() {
        return !awaited.isEmpty();
    }

    /** The loads have ended: saves all layers if those are whole that it waits for. */
    void onLoadsEnded(Set<String> whole, int layers) {
        savesGivenUp = !whole.containsAll(awaited);
        awaited.clear();
        for (int layer = 0; layer < layers; layer++) {
            saveLayer(layer);
        }
    }

    /** False if its saves still needed the step at the deadline. */
    boolean awaitSaves(long deadlineNs) {
        boolean[] done = {true};
        if (!savesGivenUp) {
            call("awaitSaves", of -> done[0] = of.awaitSaves(deadlineNs));
        }
        return done[0];
    }

    /** Loads that the part has reported, and nobody has taken. */
    List<TransferOutcome> loaded() {
        return report.loaded();
    }

    /** Asks for the part's report, which is kept. */
    void poll() {
        try {
            report = joined(report, half.pollFinished());
        } catch (RuntimeException | Error cause) {
            part.onThrown("pollFinished", cause);
            thrown = "pollFinished";
            loadsLost = true;
        }
    }

    /** Takes the report: loads that the part has lost have failed. */
    WorkerReport takeReport() {
        WorkerReport taken = report;
        report = WorkerReport.EMPTY;
        taken.loaded().forEach(one -> loading.remove(one.requestId()));
        taken.failedLoads().forEach(one -> loading.remove(one.requestId()));
        if (loadsLost && !loading.isEmpty()) {
            List<TransferOutcome> failed = new ArrayList<>();
            loading.forEach(id -> failed.add(part.failure(id, thrown)));
            taken = joined(taken, WorkerReport.of(List.of(), List.of(), failed));
        }
        loading.clear();
        return taken;
    }

    private static WorkerReport joined(WorkerReport first, WorkerReport second) {
        if (first.equals(WorkerReport.EMPTY)) {
            return second;
        }
        return WorkerReport.of(
                joined(first.sent(), second.sent()),
                joined(first.loaded(), second.loaded()),
                joined(first.failedLoads(), second.failedLoads()));
    }

    private static <T> List<T> joined(List<T> first, List<T> second) {
        List<T> all = new ArrayList<>(first);
        all.addAll(second);
        return all;
    }
}
