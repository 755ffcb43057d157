// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.tck.limit.Descriptors;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Rules 5xx: how a connector begins and ends, and what its peers notice of it. */
public abstract class LifecycleRules extends FailureRules {

    // Those on which rules depend.
    private static final Set<KvCapability> TESTED =
            EnumSet.of(
                    KvCapability.PEERS,
                    KvCapability.STORE,
                    KvCapability.BOTH_ROLES,
                    KvCapability.CHUNKED_PREFILL,
                    KvCapability.PUSH,
                    KvCapability.LOAD_BEHIND_PREFIX,
                    KvCapability.ATTACHMENTS);

    @Test
    final void required_rule501_closingIsBoundedAndTwiceIsOnce() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        exchange(producer, consumer);
        for (FakeEngine engine : List.of(producer, consumer)) {
            engine.close();
            engine.connector().close();
        }
    }

    @Test
    final void required_rule502_closingLeavesNoThread() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        exchange(producer, consumer);
        producer.close();
        consumer.close();
        assertThat(LeakExtension.threadsLeft(leakGraceMs())).isEmpty();
    }

    @Test
    @Needs(KvCapability.PEERS)
    final void required_rule503_closingTheProducerFailsItsTransfers() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        awaitEnd(hop(producer, consumer, 50));
        Hop open = hop(producer, consumer, 50);
        open.source().tokensPerStep = 20;
        stepAll(1);
        producer.close();
        await("the failure", open.target()::ended);
        assertFailed(open.target());
    }

    @Test
    @Needs(KvCapability.PEERS)
    final void required_rule504_closingTheConsumerEndsItsTransfers() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        awaitEnd(hop(producer, consumer, 50));
        Hop open = hop(producer, consumer, 50);
        open.source().tokensPerStep = 20;
        stepAll(1);
        consumer.close();
        await(
                "the blocks' return",
                transferDeadline().plus(unclaimedTtl()),
                () -> open.source().ended() && open.source().released);
        awaitIdle();
    }

    @Test
    @Needs(KvCapability.PEERS)
    final void required_rule505_aProducerMayRestartAtItsAddress() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        awaitEnd(hop(producer, consumer, 50));
        producer.close();
        Hop hop = hop(reopen(KvRole.PRODUCER, producer), consumer, 50);
        awaitEnd(hop);
        assertLoaded(hop);
    }

    @Test
    @Needs(KvCapability.PEERS)
    final void required_rule506_aConsumerMayRestartAtItsAddress() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        awaitEnd(hop(producer, consumer, 50));
        consumer.close();
        Hop hop = hop(producer, reopen(KvRole.CONSUMER, consumer), 50);
        awaitEnd(hop);
        assertLoaded(hop);
    }

    @Test
    final void required_rule507_memoryThatDoesNotFitTheLayoutIsRefused() {
        EngineShape shape = EngineShape.DEFAULT;
        long bytes = shape.regionBytes();
        refusesMemory(memory -> memory.allocate(1, bytes));
        refusesMemory(
                memory -> {
                    List<MemoryRegion> regions = new ArrayList<>(memory.allocate(3, bytes));
                    regions.set(2, regions.get(2).slice(0, bytes - 1));
                    return regions;
                });
        refusesMemory(memory -> memory.allocate(3, bytes - 1));
        if (keepsKvOnDevice()) {
            refusesMemory(memory -> KvMemory.heap().allocate(3, bytes));
        }
    }

    @Test
    final void required_rule508_anUnknownSettingIsRefusedByName() {
        Map<String, Object> json = new HashMap<>(config(KvRole.PRODUCER));
        Map<String, Object> extra = new HashMap<>();
        if (json.get("kv_connector_extra_config") instanceof Map<?, ?> given) {
            given.forEach((key, value) -> extra.put(String.valueOf(key), value));
        }
        extra.put("no_such_setting", 1);
        json.put("kv_connector_extra_config", extra);
        KvConnectorException refused = refused(() -> createAndClose(json));
        assertThat(refused.error()).isEqualTo(KvError.BAD_CONFIG);
        assertThat(refused).hasMessageContaining("no_such_setting");
    }

    @Test
    @Needs(KvCapability.PEERS)
    final void required_rule509_aTakenPortIsRefusedAndLeavesNothing() {
        FakeEngine first = open(KvRole.PRODUCER);
        int threads = LeakExtension.threadsNow().size();
        Map<String, Object> json = new HashMap<>(config(KvRole.PRODUCER));
        json.put("kv_port", first.address().port());
        refused(() -> createAndClose(json));
        await("as many threads as before", () -> LeakExtension.threadsNow().size() <= threads);
    }

    @Test
    final void required_rule510_figuresAreInTheTermsOfPrometheus() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        exchange(producer, consumer);
        for (FakeEngine engine : List.of(producer, consumer)) {
            List<KvMetric> metrics = engine.connector().metrics();
            assertThat(metrics).allMatch(metric -> metric.name().matches("[a-z][a-z0-9_]*"));
            assertThat(metrics).allMatch(metric -> !metric.help().isEmpty());
            assertThat(metrics.stream().map(metric -> metric.name() + metric.labels()))
                    .doesNotHaveDuplicates();
        }
    }

    @Test
    final void required_rule511_halvesAndAddressStayTheSame() {
        KvConnector connector = open(KvRole.PRODUCER).connector();
        assertThat(connector.scheduler()).isSameAs(connector.scheduler());
        assertThat(connector.worker()).isSameAs(connector.worker());
        assertThat(connector.address()).isEqualTo(connector.address());
        assertThat(connector.protocol())
                .isEqualTo(connector.protocol())
                .as("protocols with commas between them, none without peers")
                .matches(supports(KvCapability.PEERS) ? "([^,\\s]+(,[^,\\s]+)*)?" : "");
        if (supports(KvCapability.PEERS)) {
            assertThat(connector.address().orElseThrow().port()).isPositive();
        }
    }

    @Test
    final void required_rule513_abilitiesAreSaidAndStayTheSame() {
        for (KvRole role : List.of(KvRole.PRODUCER, KvRole.CONSUMER)) {
            KvConnector connector = open(role).connector();
            Set<KvCapability> said = connector.capabilities();
            assertThat(connector.capabilities()).isEqualTo(said);
            for (KvCapability capability : TESTED) {
                assertThat(said.contains(capability))
                        .as("%s says that it has %s", role, capability)
                        .isEqualTo(supports(capability));
            }
        }
    }

    @Test
    final void required_rule514_noFileAndNoSocketStaysOpen() {
        assumeTrue(Descriptors.known(), "where the system tells of open files");
        FakeEngine first = open(KvRole.PRODUCER);
        first.close();
        Set<String> before = Descriptors.now();
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        exchange(producer, consumer);
        exchange(producer, consumer);
        awaitIdle();
        Set<String> idle = Descriptors.now();
        int requests = 8;
        for (int i = 0; i < requests; i++) {
            exchange(producer, consumer);
        }
        awaitIdle();
        await(
                "fewer files and sockets than one for each request, when all ledgers are idle",
                () -> Descriptors.since(idle).size() < requests);
        producer.close();
        consumer.close();
        awaitNothingSince(before);
    }

    private void awaitNothingSince(Set<String> before) {
        try {
            await("no file and no socket", () -> Descriptors.since(before).isEmpty());
        } catch (AssertionError late) {
            throw new AssertionError(
                    "open after close(): %s; %s"
                            .formatted(Descriptors.since(before), late.getMessage()),
                    late);
        }
    }

    /** Some KV moves, whatever the connector's way. */
    final void exchange(FakeEngine producer, FakeEngine consumer) {
        if (supports(KvCapability.PEERS)) {
            awaitEnd(hop(producer, consumer, 50));
            return;
        }
        int[] prompt = prompt(200);
        for (FakeEngine engine : List.of(producer, consumer)) {
            FakeRequest request = engine.add(Optional.empty(), prompt);
            await("the end of " + request, request::ended);
            awaitIdle();
        }
    }

    private FakeEngine reopen(KvRole role, FakeEngine closed) {
        return open(role, closed.shape(), Map.of("kv_port", closed.address().port()));
    }

    private boolean keepsKvOnDevice() {
        try (KvMemory memory = memory(KvRole.PRODUCER)) {
            return memory.device().isPresent();
        }
    }

    private void createAndClose(Map<String, Object> json) {
        try (KvMemory memory = memory(KvRole.PRODUCER)) {
            create(json, memory).close();
        }
    }

    private KvConnector create(Map<String, Object> json, KvMemory memory) {
        return watched("suite")
                .create(
                        KvTransferConfig.of(json),
                        KvConnectorContext.builder(EngineShape.DEFAULT.layout(), () -> {})
                                .device(memory.device())
                                .build());
    }

    private void refusesMemory(Function<KvMemory, List<MemoryRegion>> regions) {
        try (KvMemory memory = memory(KvRole.PRODUCER);
                KvConnector connector = create(config(KvRole.PRODUCER), memory)) {
            List<MemoryRegion> layers = regions.apply(memory);
            KvConnectorException refused =
                    refused(() -> connector.worker().registerKvMemory(layers));
            assertThat(refused.error()).isEqualTo(KvError.BAD_CONFIG);
        }
    }

    private static KvConnectorException refused(ThrowingCallable call) {
        KvConnectorException refused = catchThrowableOfType(KvConnectorException.class, call);
        assertThat(refused).as("nothing was refused").isNotNull();
        return refused;
    }
}
