// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Order of the calls of an engine's steps: all layers in their order, each call once. Both halves'
 * threads call it, so it locks itself.
 */
final class StepCheck {

    private enum Stage {
        BETWEEN_STEPS,
        BUILT,
        STARTED
    }

    private final int layers;
    private final EngineCalls calls;
    private Stage stage = Stage.BETWEEN_STEPS;
    private List<String> planned = List.of();
    private StepMetadata built = StepMetadata.EMPTY;
    // The next layer to be awaited, and to be saved.
    private int awaited;
    private int saved;
    private boolean savesAwaited;
    private Optional<WorkerReport> untold = Optional.empty();

    StepCheck(int layers, EngineCalls calls) {
        this.layers = layers;
        this.calls = calls;
    }

    private void require(boolean holds, String call, Object about) {
        calls.require(holds, call, about);
    }

    synchronized void onPlan(StepPlan plan) {
        planned = plan.entries().stream().map(entry -> entry.request().id()).toList();
        require(stage == Stage.BETWEEN_STEPS, "buildStep", stage);
        stage = Stage.BUILT;
    }

    synchronized void onBuilt(StepMetadata step) {
        built = step;
    }

    synchronized void onStart(StepMetadata step) {
        require(stage == Stage.BUILT, "startLoad", stage);
        require(
                stage != Stage.BUILT || step.equals(built),
                "startLoad",
                step + " instead of " + built);
        stage = Stage.STARTED;
        awaited = 0;
        saved = 0;
        savesAwaited = false;
    }

    // Without a load in the step an engine needn't wait.
    synchronized void onAwait(int layer) {
        require(stage == Stage.STARTED, "awaitLayer", stage);
        require(layer == awaited, "awaitLayer", layer + " instead of " + awaited);
        awaited = layer + 1;
    }

    // Without a save in the step an engine needn't hand anything over.
    synchronized void onSave(int layer) {
        require(stage == Stage.STARTED, "saveLayer", stage);
        require(layer == saved, "saveLayer", layer + " instead of " + saved);
        require(
                loads().isEmpty() || layer < awaited,
                "saveLayer",
                layer + " before its load was awaited");
        saved = layer + 1;
    }

    synchronized void onAwaitSaves() {
        boolean whole = saved == 0 || saved == layers;
        require(stage == Stage.STARTED && whole, "awaitSaves", stage + " saved=" + saved);
        savesAwaited = true;
    }

    /**
     * The engine takes a report, in a step or between two.
     *
     * @return ids of requests whose layers the step has skipped: a failed step ends them
     */
    synchronized List<String> onPoll(WorkerReport report) {
        require(untold.isEmpty(), "pollFinished", "a second time before onStepDone");
        require(stage != Stage.BUILT, "pollFinished", stage);
        untold = Optional.of(report);
        List<String> spoiled = new ArrayList<>();
        if (stage == Stage.STARTED && awaited < layers) {
            spoiled.addAll(loads());
        }
        if (stage == Stage.STARTED && (saved < layers || !savesAwaited)) {
            built.saves().forEach(save -> spoiled.add(save.request().id()));
        }
        built = StepMetadata.EMPTY;
        return spoiled;
    }

    // Asynchronous loads take part in no step.
    private List<String> loads() {
        return built.loads().stream()
                .map(load -> load.request().id())
                .filter(planned::contains)
                .toList();
    }

    synchronized void onStepDone(WorkerReport report) {
        require(untold.isPresent(), "onStepDone", "without pollFinished");
        require(
                untold.isEmpty() || untold.get().equals(report),
                "onStepDone",
                report + " instead of what pollFinished said");
        untold = Optional.empty();
        stage = Stage.BETWEEN_STEPS;
    }
}
