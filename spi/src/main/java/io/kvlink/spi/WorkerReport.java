// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;

/**
 * Transfers that ended since the last report. Each transfer is reported once at each side.
 *
 * @param sent transfers of which the connector no longer reads the blocks, sent or given up: blocks
 *     it owned may be freed
 * @param loaded loads whose KV is complete in the blocks
 * @param failedLoads loads whose blocks hold no usable KV: recompute or fail, never serve
 */
public record WorkerReport(
        List<TransferOutcome> sent,
        List<TransferOutcome> loaded,
        List<TransferOutcome> failedLoads) {

    /** A report without a transfer. */
    public static final WorkerReport EMPTY = new WorkerReport(List.of(), List.of(), List.of());

    public WorkerReport {
        sent = List.copyOf(sent);
        loaded = List.copyOf(loaded);
        failedLoads = List.copyOf(failedLoads);
    }
}
