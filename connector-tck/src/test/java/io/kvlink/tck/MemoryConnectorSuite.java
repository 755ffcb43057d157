// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import java.time.Duration;
import java.util.Map;

/** The contract over the memory connector, honest or broken. */
abstract class MemoryConnectorSuite extends KvConnectorContract {

    private static final int DEADLINE_MS = 800;
    private static final int TTL_MS = 500;

    private final boolean push;
    private final Fault fault;
    private final KvConnectorProvider provider;

    MemoryConnectorSuite(Fault fault, boolean push) {
        this.fault = fault;
        this.push = push;
        this.provider = new MemoryConnectorProvider(fault);
    }

    @Override
    protected final KvConnectorProvider provider() {
        return provider;
    }

    @Override
    protected final Map<String, Object> config(KvRole role) {
        return MemoryConnectorProvider.config(role, push, DEADLINE_MS, TTL_MS);
    }

    @Override
    protected final boolean supports(TckCapability capability) {
        return capability != TckCapability.PUSH || push;
    }

    @Override
    protected final Duration transferDeadline() {
        return Duration.ofMillis(DEADLINE_MS);
    }

    @Override
    protected final Duration unclaimedTtl() {
        return Duration.ofMillis(TTL_MS);
    }

    // A broken connector is waited for in vain; don't wait long.
    @Override
    protected final Duration slack() {
        return fault == Fault.NONE ? Duration.ofSeconds(5) : Duration.ofMillis(700);
    }
}
