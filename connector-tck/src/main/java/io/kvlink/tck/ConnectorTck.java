// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.HostPoolProvider;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import io.kvlink.tck.limit.ConnectorCalls;
import io.kvlink.tck.limit.TimeLimit;
import io.kvlink.tck.limit.WorkerThread;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Description of a connector by its implementor, and the needs of every rule: engines, requests
 * that hop between them, waits with a deadline. After each test every engine must come to rest with
 * an idle ledger before it is closed.
 */
@ExtendWith(LeakExtension.class)
public abstract class ConnectorTck {

    private static final Map<Class<?>, Set<KvCapability>> SAID = new ConcurrentHashMap<>();

    private final List<FakeEngine> engines = new ArrayList<>();
    private final List<WorkerThread> workers = new ArrayList<>();
    private final Random random = new Random(42);
    // Engines whose stores are their own, by what they are opened with.
    private final Map<List<Object>, FakeEngine> instances = new HashMap<>();
    private final KnownKv known = new KnownKv();
    final ConnectorCalls calls = new ConnectorCalls(() -> clock().nowNs());

    @RegisterExtension
    @Order(1)
    final TimeLimit limit =
            new TimeLimit(calls, this::callLimit, this::testLimit, this::closersOfLeftEngines);

    @RegisterExtension
    @Order(2)
    final NeedsExtension needs = new NeedsExtension();

    private long ids;

    /** The connector's provider; asked for once an engine. */
    protected abstract KvConnectorProvider provider();

    /**
     * The JSON of {@code kv_transfer_config} for an engine, with {@code kv_port} 0. It sets {@link
     * #transferDeadline} and {@link #unclaimedTtl} in the connector's own words.
     *
     * @param role the engine's role
     * @return a map that may be changed or not
     */
    protected abstract Map<String, Object> config(KvRole role);

    /**
     * Memory for an engine's KV; asked for once an engine, which closes it.
     *
     * @param role the engine's role
     * @return host memory unless overridden
     */
    protected KvMemory memory(KvRole role) {
        return KvMemory.heap();
    }

    /**
     * True if the connector has an optional ability.
     *
     * @param capability which
     * @return as a connector of this suite says, unless overridden
     */
    protected boolean supports(KvCapability capability) {
        return SAID.computeIfAbsent(getClass(), suite -> asked()).contains(capability);
    }

    private Set<KvCapability> asked() {
        try (KvMemory memory = memory(KvRole.PRODUCER);
                KvConnector connector =
                        watched("suite")
                                .create(
                                        KvTransferConfig.of(config(KvRole.PRODUCER)),
                                        KvConnectorContext.builder(
                                                        EngineShape.DEFAULT.layout(), () -> {})
                                                .device(memory.device())
                                                .build())) {
            return connector.capabilities();
        }
    }

    /**
     * Chunk size that engines claim for their prompts: {@link
     * io.kvlink.spi.KvConnectorContext#prefillChunk}. Their steps compute other numbers of tokens
     * all the same.
     */
    protected int prefillChunk() {
        return 0;
    }

    /**
     * Returns whether other instances load what one has saved, and after its end too. A store in an
     * instance's own memory says false, and has {@link KvCapability#BOTH_ROLES}. Then the instance
     * that saves is the one that loads.
     *
     * @return true unless overridden; without effect on connectors that are no store
     */
    protected boolean storeIsShared() {
        return true;
    }

    /** Time that {@link #config} lets a transfer wait for its peer before it fails. */
    protected Duration transferDeadline() {
        return Duration.ofSeconds(10);
    }

    /** Time that {@link #config} keeps KV that nobody asks for. */
    protected Duration unclaimedTtl() {
        return Duration.ofSeconds(2);
    }

    /** Time that the suite adds to a deadline before it calls a connector late. */
    protected Duration slack() {
        return Duration.ofSeconds(5);
    }

    /**
     * Breaks a load between its answer and its bytes: cuts its connection, say, or throws away what
     * has come. Called while the engine is within a step, or between two. Without it the suite
     * closes the producer, or damages the store, and takes either end of the load.
     *
     * @param producer instance that computed the KV
     * @param consumer instance that loads it
     * @param request the request at the consumer
     * @return true if the load can't succeed any more; false, unless overridden, if nothing was
     *     done
     */
    protected boolean breakLoad(KvConnector producer, KvConnector consumer, KvRequest request) {
        return false;
    }

    /** True if the implementor has broken a load. */
    final boolean broken(FakeEngine producer, FakeEngine consumer, FakeRequest request) {
        return breakLoad(
                ConnectorCalls.real(producer.connector()),
                ConnectorCalls.real(consumer.connector()),
                request.kv);
    }

    /**
     * Host pools for rule 910.
     *
     * @return empty, unless overridden: the suite's own
     */
    protected Optional<HostPoolProvider> hostPools() {
        return Optional.empty();
    }

    /**
     * Names of what the connectors keep for transfers and no ledger shows, such as temporary files.
     * Looked at when all transfers have ended, and the ledgers are idle.
     *
     * @return none, unless overridden
     */
    protected List<String> leftovers() {
        return List.of();
    }

    /**
     * Longest time that one call of the connector may take. One that takes longer, or never
     * returns, fails its rule and is given up.
     */
    protected Duration callLimit() {
        return transferDeadline().plus(slack());
    }

    /** Longest time that a rule may take, and its setup and its teardown each. */
    protected Duration testLimit() {
        return Duration.ofMinutes(5);
    }

    /** The connector's provider; a call that its connectors don't return from fails the rule. */
    final KvConnectorProvider watched(String engine) {
        return calls.watched(engine, provider());
    }

    private List<Runnable> closersOfLeftEngines() {
        return engines.stream().<Runnable>map(engine -> engine::abandon).toList();
    }

    @AfterEach
    final void comeToRestAndClose() {
        if (limit.passed()) {
            return; // A thread may still be within a connector.
        }
        try {
            engines.stream().filter(engine -> !engine.isClosed()).forEach(FakeEngine::leaveAll);
            awaitIdle();
            await("leftovers() to be empty", () -> leftovers().isEmpty());
        } catch (AssertionError late) {
            throw leftovers().isEmpty()
                    ? late
                    : new AssertionError("leftovers=%s; %s".formatted(leftovers(), late), late);
        } finally {
            closeAll();
        }
    }

    final FakeEngine open(KvRole role) {
        return open(role, EngineShape.DEFAULT, Map.of());
    }

    final FakeEngine open(KvRole role, EngineShape shape, Map<String, Object> changes) {
        if (storeIsShared() || role != KvRole.BOTH) {
            return open(role, shape, changes, prefillChunk());
        }
        FakeEngine same = instances.get(List.of(shape, changes));
        if (same == null || same.isClosed()) {
            same = open(role, shape, changes, prefillChunk());
            instances.put(List.of(shape, changes), same);
        }
        return same;
    }

    /** Opens an engine that is no other one's instance, whosever the stores are. */
    final FakeEngine openAnother(KvRole role) {
        return open(role, EngineShape.DEFAULT, Map.of(), prefillChunk());
    }

    final FakeEngine open(
            KvRole role, EngineShape shape, Map<String, Object> changes, int prefillChunk) {
        return open(role, shape, changes, options(prefillChunk, Optional.empty()));
    }

    /** Opens an engine whose connector may take memory from a host pool. */
    final FakeEngine open(KvRole role, Map<String, Object> changes, HostPoolProvider pools) {
        EngineOptions options = options(prefillChunk(), Optional.of(pools));
        return open(role, EngineShape.DEFAULT, changes, options);
    }

    private EngineOptions options(int prefillChunk, Optional<HostPoolProvider> pools) {
        return new EngineOptions(transferDeadline(), prefillChunk, pools, () -> {});
    }

    private FakeEngine open(
            KvRole role, EngineShape shape, Map<String, Object> changes, EngineOptions options) {
        String name = role.key() + engines.size();
        KvMemory memory = memory(role, shape);
        return open(name, role, shape, changes, options, memory, watched(name));
    }

    /** Opens an engine whose worker half is called by a thread of its own. */
    final FakeEngine open(KvRole role, Function<Runnable, WorkerThread> threads) {
        String name = role.key() + engines.size();
        KvMemory memory = memory(role, EngineShape.DEFAULT);
        WorkerThread thread = threads.apply(memory::enter);
        workers.add(thread);
        return open(
                name,
                role,
                EngineShape.DEFAULT,
                Map.of(),
                options(prefillChunk(), Optional.empty()),
                memory,
                thread.over(watched(name)));
    }

    private FakeEngine open(
            String name,
            KvRole role,
            EngineShape shape,
            Map<String, Object> changes,
            EngineOptions options,
            KvMemory memory,
            KvConnectorProvider provider) {
        Map<String, Object> json = new HashMap<>(config(role));
        json.putAll(changes);
        FakeKv kv = new FakeKv(shape, memory, name.hashCode(), known);
        FakeEngine engine = new FakeEngine(name, provider, json, shape, kv, options);
        engines.add(engine);
        return engine;
    }

    private KvMemory memory(KvRole role, EngineShape shape) {
        KvMemory memory = memory(role);
        return shape.direct() && memory.device().isEmpty() ? KvMemory.direct() : memory;
    }

    /** The suite's own tests don't wait. */
    TckClock clock() {
        return TckClock.SYSTEM;
    }

    /** Milliseconds in which threads of a closed connector end; the suite's own leaks never do. */
    long leakGraceMs() {
        return LeakExtension.DEFAULT_GRACE_MS;
    }

    final TransferRoute route(FakeEngine producer, FakeEngine consumer) {
        return new TransferRoute(
                producer.address(),
                consumer.address(),
                new TransferId(System.nanoTime(), ++ids, 0));
    }

    final int[] prompt(int tokens) {
        return random.ints(tokens, 0, 50_000).toArray();
    }

    final Hop hop(FakeEngine producer, FakeEngine consumer, int tokens) {
        return hop(producer, consumer, route(producer, consumer), prompt(tokens));
    }

    final Hop hop(FakeEngine producer, FakeEngine consumer, TransferRoute route, int[] prompt) {
        FakeRequest target = consumer.add(Optional.of(route), prompt);
        return new Hop(producer.add(Optional.of(route), prompt), target);
    }

    /** Steps all open engines until both ends of all hops have ended. */
    final void awaitEnd(Hop... hops) {
        await(
                "the end of " + Arrays.toString(hops),
                () -> Arrays.stream(hops).allMatch(Hop::ended));
        verifyAll();
    }

    /** Steps all open engines until nothing is held for any transfer and no block is out. */
    final void awaitIdle() {
        await(
                "idle ledgers",
                unclaimedTtl().plus(transferDeadline()),
                () ->
                        engines.stream()
                                .filter(engine -> !engine.isClosed())
                                .allMatch(engine -> engine.connector().ledger().idle()));
        verifyAll();
    }

    private void verifyAll() {
        engines.stream().filter(engine -> !engine.isClosed()).forEach(FakeEngine::verify);
    }

    final void await(String what, BooleanSupplier done) {
        await(what, transferDeadline(), done);
    }

    final void await(String what, Duration limit, BooleanSupplier done) {
        await(
                what,
                limit,
                done,
                () ->
                        engines.stream()
                                .filter(engine -> !engine.isClosed())
                                .forEach(FakeEngine::step));
    }

    final void await(String what, Duration limit, BooleanSupplier done, Runnable meanwhile) {
        TckClock clock = clock();
        long deadlineNs = clock.nowNs() + limit.plus(slack()).toNanos();
        for (int looks = 0; !done.getAsBoolean(); looks++) {
            if (clock.nowNs() - deadlineNs > 0) {
                throw new AssertionError("waited %s for %s; %s".formatted(limit, what, engines));
            }
            meanwhile.run();
            clock.pause(looks);
        }
    }

    /** Steps all open engines some times, to see what doesn't happen. */
    final void stepAll(int times) {
        for (int i = 0; i < times; i++) {
            engines.stream().filter(engine -> !engine.isClosed()).forEach(FakeEngine::step);
        }
    }

    // One that doesn't close must not keep the others open.
    private void closeAll() {
        closeEngines();
        workers.forEach(WorkerThread::close);
    }

    private void closeEngines() {
        AssertionError failed = new AssertionError("engines don't close");
        for (FakeEngine engine : engines) {
            try {
                engine.close();
            } catch (RuntimeException cause) {
                failed.addSuppressed(cause);
            }
        }
        if (failed.getSuppressed().length > 0) {
            throw failed;
        }
    }

    /**
     * One prompt that is computed at one engine and continued at another.
     *
     * @param source the request at the producer
     * @param target the request at the consumer
     */
    record Hop(FakeRequest source, FakeRequest target) {
        boolean ended() {
            return source.ended() && target.ended();
        }
    }
}
