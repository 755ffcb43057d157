// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The contract over the memory connector, honest or broken. */
abstract class MemoryConnectorSuite extends KvConnectorContract {

    private static final int DEADLINE_MS = 2000;
    private static final int TTL_MS = 1000;

    private final boolean push;
    private final boolean onDevice;
    private final TckClock clock = new JumpingClock();
    private final FakeDevice device = new FakeDevice(42);
    private final MemoryConnectorProvider provider;

    MemoryConnectorSuite(Fault fault, boolean push, boolean onDevice) {
        this.push = push;
        this.onDevice = onDevice;
        this.provider = new MemoryConnectorProvider(fault, clock, device);
    }

    @Override
    final TckClock clock() {
        return clock;
    }

    @Override
    protected final KvMemory memory(KvRole role) {
        return onDevice ? new FakeDeviceMemory(device) : KvMemory.heap();
    }

    @Override
    protected KvConnectorProvider provider() {
        return provider;
    }

    @Override
    protected final Map<String, Object> config(KvRole role) {
        return MemoryConnectorProvider.config(role, push, DEADLINE_MS, TTL_MS);
    }

    @Override
    protected final boolean breakLoad(
            KvConnector producer, KvConnector consumer, KvRequest request) {
        ((MemoryConnector) OneAtATime.real(consumer)).breakLoad(request);
        return true;
    }

    @Override
    protected final List<String> leftovers() {
        return provider.leftovers();
    }

    @Override
    protected final boolean supports(KvCapability capability) {
        return MemoryConnectorProvider.capabilities(push).contains(capability);
    }

    @Override
    protected final Duration transferDeadline() {
        return Duration.ofMillis(DEADLINE_MS);
    }

    @Override
    protected final Duration unclaimedTtl() {
        return Duration.ofMillis(TTL_MS);
    }
}
