// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;

/**
 * Loads and saves that ended since the last report. Each is reported once at each side, and not at
 * all if its request left before it had blocks.
 */
public final class WorkerReport {

    /** Report of nothing. */
    public static final WorkerReport EMPTY = new WorkerReport(List.of(), List.of(), List.of());

    private final List<TransferOutcome> sent;
    private final List<TransferOutcome> loaded;
    private final List<TransferOutcome> failedLoads;

    private WorkerReport(
            List<TransferOutcome> sent,
            List<TransferOutcome> loaded,
            List<TransferOutcome> failedLoads) {
        this.sent = List.copyOf(sent);
        this.loaded = List.copyOf(loaded);
        this.failedLoads = List.copyOf(failedLoads);
    }

    /**
     * Report of what ended.
     *
     * @param sent see {@link #sent}
     * @param loaded see {@link #loaded}
     * @param failedLoads see {@link #failedLoads}
     */
    public static WorkerReport of(
            List<TransferOutcome> sent,
            List<TransferOutcome> loaded,
            List<TransferOutcome> failedLoads) {
        return new WorkerReport(sent, loaded, failedLoads);
    }

    /**
     * Saves of which the connector no longer reads the blocks, sent or given up. Blocks that it
     * owned may be freed.
     */
    public List<TransferOutcome> sent() {
        return sent;
    }

    /** Loads whose KV is complete in the blocks. */
    public List<TransferOutcome> loaded() {
        return loaded;
    }

    /**
     * Loads whose blocks hold no usable KV: recompute or fail, never serve. The connector no longer
     * writes to the blocks.
     */
    public List<TransferOutcome> failedLoads() {
        return failedLoads;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof WorkerReport report
                && sent.equals(report.sent)
                && loaded.equals(report.loaded)
                && failedLoads.equals(report.failedLoads);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * sent.hashCode() + loaded.hashCode()) + failedLoads.hashCode();
    }

    @Override
    public String toString() {
        return "WorkerReport[sent=" + sent + " loaded=" + loaded + " failed=" + failedLoads + "]";
    }
}
