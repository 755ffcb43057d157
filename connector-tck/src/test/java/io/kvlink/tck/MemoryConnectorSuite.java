// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import java.time.Duration;
import java.util.Map;

/** The contract over the memory connector, honest or broken. */
abstract class MemoryConnectorSuite extends KvConnectorContract {

    private final int deadlineMs;
    private final int ttlMs;
    private final boolean push;
    private final Fault fault;
    private final KvConnectorProvider provider;

    MemoryConnectorSuite(Fault fault, boolean push) {
        this.fault = fault;
        this.push = push;
        // A broken connector is waited for in vain; don't wait long.
        this.deadlineMs = fault == Fault.NONE ? 2000 : 800;
        this.ttlMs = fault == Fault.NONE ? 1000 : 500;
        this.provider = new MemoryConnectorProvider(fault);
    }

    @Override
    protected final KvConnectorProvider provider() {
        return provider;
    }

    @Override
    protected final Map<String, Object> config(KvRole role) {
        return MemoryConnectorProvider.config(role, push, deadlineMs, ttlMs);
    }

    @Override
    protected final boolean supports(TckCapability capability) {
        return capability != TckCapability.PUSH || push;
    }

    @Override
    protected final Duration transferDeadline() {
        return Duration.ofMillis(deadlineMs);
    }

    @Override
    protected final Duration unclaimedTtl() {
        return Duration.ofMillis(ttlMs);
    }

    @Override
    protected final Duration slack() {
        return fault == Fault.NONE ? Duration.ofSeconds(5) : Duration.ofMillis(700);
    }
}
