// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvTransferConfig;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;

/**
 * Provider that watches an engine: its connectors do what another one's do, and write down each
 * call that the contract doesn't allow. So it is a test of an engine, as {@link
 * io.kvlink.tck.KvConnectorContract} is one of a connector. Run the engine's own tests with it, and
 * ask for {@link #violations} at the end.
 */
public final class CheckedConnectorProvider implements KvConnectorProvider {

    private static final Duration WAKEUP_LIMIT = Duration.ofSeconds(10);

    private final KvConnectorProvider real;
    private final LongSupplier clock;
    private final EngineCalls calls = new EngineCalls();
    private final List<EngineCheck> checks = new CopyOnWriteArrayList<>();
    private final List<Wakeups> wakeups = new CopyOnWriteArrayList<>();

    /**
     * Provider over another one.
     *
     * @param real makes the connectors that do the work; keeps its name
     */
    public CheckedConnectorProvider(KvConnectorProvider real) {
        this(real, System::nanoTime);
    }

    /**
     * Provider with a clock of its own.
     *
     * @param clock nanoseconds, for wakeups
     */
    CheckedConnectorProvider(KvConnectorProvider real, LongSupplier clock) {
        this.real = real;
        this.clock = clock;
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
        Wakeups asked = new Wakeups(clock, WAKEUP_LIMIT);
        KvConnector connector = real.create(config, watched(context, asked));
        boolean needsGenerated = connector.capabilities().contains(KvCapability.GENERATED_TOKENS);
        EngineCheck check = new EngineCheck(context.layout(), calls, needsGenerated);
        checks.add(check);
        wakeups.add(asked);
        return new CheckedConnector(connector, check, asked);
    }

    private static KvConnectorContext watched(KvConnectorContext context, Wakeups asked) {
        return KvConnectorContext.builder(
                        context.layout(),
                        () -> {
                            asked.onWakeup();
                            context.wakeup().run();
                        })
                .modelName(context.modelName())
                .device(context.device())
                .hostPools(context.hostPools())
                .prefillChunk(context.prefillChunk())
                .connectors(context.connectors())
                .half(context.half())
                .build();
    }

    /** Calls so far that the contract doesn't allow, in the engine's order. Any thread. */
    public List<String> violations() {
        for (Wakeups asked : wakeups) {
            calls.require(
                    !asked.takeLate(), "wakeup", "the engine didn't look for " + WAKEUP_LIMIT);
        }
        return calls.violations();
    }

    /**
     * Requests that were added and are neither finished nor preempted, in no order. None when all
     * is over. Any thread.
     */
    public List<String> unfinished() {
        return checks.stream().flatMap(check -> check.unfinished().stream()).toList();
    }

    /** Number of steps so far: a check that has seen none proves nothing. Any thread. */
    public int steps() {
        return calls.steps();
    }
}
