// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;

/**
 * Requests that an engine is about to compute in one step. May be empty: an engine calls an idle
 * step to let the connector report.
 *
 * @param entries the requests of the step, in the engine's order
 */
public record StepPlan(List<Entry> entries) {

    public StepPlan {
        entries = List.copyOf(entries);
    }

    /**
     * One request's part of a step.
     *
     * @param request the request
     * @param blocks all its blocks
     * @param computedTokens tokens whose KV is in the blocks before the step, loaded ones included,
     *     or whose computation is enqueued on the device's stream
     * @param scheduledTokens tokens the step computes behind them; 0 if it only loads
     */
    public record Entry(
            KvRequest request, BlockTable blocks, int computedTokens, int scheduledTokens) {}
}
