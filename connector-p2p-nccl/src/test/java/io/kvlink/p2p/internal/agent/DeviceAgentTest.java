// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.sim.SimFabric;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class DeviceAgentTest {

    @Test
    void shouldCarryOutAllCommandsBeforeThePlaneLooksAtItsBytes() {
        AtomicInteger ran = new AtomicInteger();
        AtomicInteger ranAtPoll = new AtomicInteger(-1);
        SimFabric fabric = new SimFabric(false);
        SimFabric.SimPlane plane = fabric.join("here");
        plane.onPoll(() -> ranAtPoll.compareAndSet(-1, ran.get()));
        DeviceAgent agent = new DeviceAgent(plane);
        for (int i = 0; i < 500; i++) {
            agent.submit(any -> ran.incrementAndGet());
        }
        agent.doWork(0);
        assertThat(ranAtPoll).hasValue(500);
    }
}
