// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvTransferConfig;
import java.util.List;

/**
 * A provider that watches an engine: its connectors do what another one's do, and write down each
 * call that the contract doesn't allow. So it is a test of an engine, as {@link
 * KvConnectorContract} is one of a connector. Run the engine's own tests with it, and ask for
 * {@link #violations} at the end.
 */
public final class CheckedConnectorProvider implements KvConnectorProvider {

    private final KvConnectorProvider real;
    private final EngineCalls calls = new EngineCalls();

    /**
     * Provider over another one.
     *
     * @param real makes the connectors that do the work; keeps its name
     */
    public CheckedConnectorProvider(KvConnectorProvider real) {
        this.real = real;
    }

    @Override
    public String name() {
        return real.name();
    }

    @Override
    public int spiVersion() {
        return real.spiVersion();
    }

    @Override
    public Availability availability() {
        return real.availability();
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        return new CheckedConnector(
                real.create(config, context), new EngineCheck(context.layout(), calls));
    }

    /** Calls so far that the contract doesn't allow, in the engine's order. Any thread. */
    public List<String> violations() {
        return calls.violations();
    }

    /** Number of steps so far: a check that has seen none proves nothing. Any thread. */
    public int steps() {
        return calls.steps();
    }
}
