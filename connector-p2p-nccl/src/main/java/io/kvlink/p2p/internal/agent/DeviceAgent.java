// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.agent;

import io.kvlink.p2p.internal.plane.DataPlane;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes every call to one data plane, on one thread. Commands come from the control thread, a few
 * for each layer of the transfers that it has under way.
 */
public final class DeviceAgent implements Agent {

    private static final Logger logger = LoggerFactory.getLogger(DeviceAgent.class);

    private final DataPlane plane;
    private final Queue<Consumer<DataPlane>> commands = new ConcurrentLinkedQueue<>();

    /** Agent of one plane, which it closes. */
    public DeviceAgent(DataPlane plane) {
        this.plane = plane;
    }

    /** The plane's constant properties may be read from any thread. */
    public DataPlane plane() {
        return plane;
    }

    /** Hands the device thread a command. From any thread. */
    public void submit(Consumer<DataPlane> command) {
        commands.add(command);
        plane.wakeup();
    }

    @Override
    public int doWork(long nowNs) {
        int workCount = 0;
        Consumer<DataPlane> command;
        // All of them: a receive must be posted before the plane looks at its bytes.
        while ((command = commands.poll()) != null) {
            command.accept(plane);
            workCount++;
        }
        return workCount + plane.poll(nowNs);
    }

    @Override
    public void idle(long maxNs) {
        plane.idle(maxNs);
    }

    @Override
    public void wakeup() {
        plane.wakeup();
    }

    @Override
    public void onClose() {
        try {
            Consumer<DataPlane> command;
            while ((command = commands.poll()) != null) {
                command.accept(plane);
            }
        } finally {
            plane.close();
            logger.debug("plane={} closed", plane.name());
        }
    }
}
