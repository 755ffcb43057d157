// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Turns of the instances of each model: one model's requests shift no other's turns. Used from any
 * thread.
 */
final class ModelTurns {

    // Written by the event loops. Its keys are models of the table, and the empty name.
    private final Map<String, Pickers> pickers = new ConcurrentHashMap<>();

    /**
     * Turns of one model.
     *
     * @param pairs of pairs
     * @param singles of lone instances, apart from the pairs, whose turns they must not shift
     */
    private record Pickers(PairPicker pairs, PairPicker singles) {}

    PairPicker.Pair pair(String model, Collection<String> known, int prefills, int decodes) {
        return of(model, known).pairs().next(prefills, decodes);
    }

    int single(String model, Collection<String> known, int instances) {
        return of(model, known).singles().next(1, instances).decode();
    }

    private Pickers of(String model, Collection<String> known) {
        Pickers found = pickers.get(model);
        if (found != null) {
            return found;
        }
        pickers.keySet().removeIf(name -> !name.isEmpty() && !known.contains(name));
        return pickers.computeIfAbsent(
                model, name -> new Pickers(new PairPicker(), new PairPicker()));
    }

    /** Number of models that have turns here. */
    int size() {
        return pickers.size();
    }
}
