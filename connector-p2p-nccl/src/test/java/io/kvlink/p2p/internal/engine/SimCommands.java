// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import io.kvlink.p2p.internal.agent.DeviceAgent;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Command queue of a simulated control thread. While its device thread queues a report, the node's
 * other threads may run: just before the report is there, and just after.
 */
final class SimCommands extends ConcurrentLinkedQueue<Runnable> {

    private static final long serialVersionUID = 1;

    private final transient Runnable others;
    private boolean reporting;

    SimCommands(Runnable others) {
        this.others = others;
    }

    /** The device thread does a portion of its work. */
    int report(DeviceAgent device, long nowNs) {
        reporting = true;
        try {
            return device.doWork(nowNs);
        } finally {
            reporting = false;
        }
    }

    @Override
    public boolean add(Runnable command) {
        othersRun();
        super.add(command);
        othersRun();
        return true;
    }

    private void othersRun() {
        if (reporting) {
            reporting = false; // What they queue themselves is no report.
            others.run();
            reporting = true;
        }
    }
}
