// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.HostPort;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Pairs of a fleet in which not everybody can exchange KV with everybody. */
class FleetPairsTest {

    private static final long EXPIRY_NS = 1_000;

    private final InstanceTable table = new InstanceTable(EXPIRY_NS, EXPIRY_NS, 100);
    private final Fleet fleet = new Fleet(table, 1, () -> 0);
    private int port = 1;

    @Test
    void shouldPairEqualProtocolsOnly() {
        List<Instance> all = new ArrayList<>();
        for (String protocol : new String[] {"Any/3", "Any/4", "Any/4", "Other/3"}) {
            all.add(register(Role.PREFILL, protocol, true));
            all.add(register(Role.DECODE, protocol, true));
        }
        register(Role.PREFILL, "Lone/1", true);
        register(Role.DECODE, "Alone/1", true);
        Map<Instance, Integer> asked = new HashMap<>();
        for (int i = 0; i < 120; i++) {
            Fleet.Pair pair = fleet.pair("").orElseThrow();
            assertThat(pair.prefill().reported().kvProtocol())
                    .isEqualTo(pair.decode().reported().kvProtocol());
            asked.merge(pair.prefill(), 1, Integer::sum);
            asked.merge(pair.decode(), 1, Integer::sum);
        }
        assertThat(asked.keySet()).containsExactlyInAnyOrderElementsOf(all);
    }

    @Test
    void shouldPairWhoSharesOneOfSeveralProtocols() {
        Instance several = register(Role.PREFILL, "One/3,Two/1", true);
        register(Role.DECODE, "One/4", true);
        register(Role.DECODE, "Two/11", true);
        assertThat(fleet.pair("")).isEmpty();
        Instance decode = register(Role.DECODE, "Three/1,Two/1", true);
        assertThat(fleet.pair("")).contains(new Fleet.Pair(several, decode));
    }

    /** An instance that pairs with the same prefill instance goes first, whoever's turn it is. */
    @Test
    void shouldReplaceADecodeByOneOfTheSamePrefill() {
        Instance prefill = register(Role.PREFILL, "Any/3", true);
        Instance failed = register(Role.DECODE, "Any/3", true);
        register(Role.DECODE, "Any/4", true);
        Instance same = register(Role.DECODE, "Any/3", true);
        register(Role.PREFILL, "Any/4", true);
        for (int turn = 0; turn < 4; turn++) {
            assertThat(insteadOf(failed, prefill)).contains(same);
        }
    }

    @Test
    void shouldReplaceADecodeByOneOfAnotherPair() {
        Instance prefill = register(Role.PREFILL, "Any/3", true);
        Instance failed = register(Role.DECODE, "Any/3", true);
        Instance lone = register(Role.DECODE, "Lone/1", true);
        assertThat(insteadOf(failed, prefill)).as("alone, better than nobody").contains(lone);
        Instance other = register(Role.DECODE, "Any/4", true);
        register(Role.PREFILL, "Any/4", true);
        for (int turn = 0; turn < 4; turn++) {
            assertThat(insteadOf(failed, prefill)).contains(other);
        }
        fleet.onRefused(other);
        assertThat(insteadOf(failed, prefill)).as("one that is there").contains(lone);
    }

    private Optional<Instance> insteadOf(Instance failed, Instance prefill) {
        return new FailedInstances(fleet, "").decodeInsteadOf(failed, true, Optional.of(prefill));
    }

    @Test
    void shouldPairWhoDoesNotSayWithEverybody() {
        register(Role.PREFILL, "", true);
        register(Role.DECODE, "Any/4", true);
        assertThat(fleet.pair("")).isPresent();
        assertThat(fleet.serves("", false)).isTrue();
    }

    @Test
    void shouldHaveNoPairOfUnequalProtocols() {
        Instance prefill = register(Role.PREFILL, "Any/3", true);
        Instance decode = register(Role.DECODE, "Any/4", true);
        assertThat(fleet.pair("")).isEmpty();
        assertThat(fleet.serves("", false)).isFalse();
        assertThat(fleet.alone("", false)).isEmpty();
        assertThat(fleet.alone("", true)).contains(decode);
        FailedInstances failed = new FailedInstances(fleet, "");
        assertThat(failed.next(Role.PREFILL, decode)).isEmpty();
        assertThat(failed.next(Role.PREFILL)).contains(prefill);
        assertThat(failed.insteadOf(register(Role.PREFILL, "Any/4", true), true, decode)).isEmpty();
    }

    @Test
    void shouldLeaveInstancesWithoutAnAddressOutOfPairs() {
        Instance whole = register(Role.DECODE, "", false);
        assertThat(fleet.alone("", false)).contains(whole);
        assertThat(fleet.serves("", false)).isTrue();
        register(Role.PREFILL, "", true);
        assertThat(fleet.pair("")).isEmpty();
        Instance decode = register(Role.DECODE, "", true);
        for (int i = 0; i < 4; i++) {
            assertThat(fleet.pair("").orElseThrow().decode()).isEqualTo(decode);
        }
    }

    @Test
    void shouldNotTakeTwoInstancesWithoutAnAddressForOne() {
        register(Role.DECODE, "", false);
        register(Role.DECODE, "", false);
        assertThat(fleet.count(Role.DECODE)).isEqualTo(2);
    }

    private Instance register(Role role, String protocol, boolean reachable) {
        int own = port++;
        Instance instance =
                new Instance(
                        role,
                        new HostPort("http", own),
                        reachable ? Optional.of(new HostPort("kv", own)) : Optional.empty(),
                        own,
                        0,
                        "",
                        new Reported("", "", protocol, List.of(), 0, 0, 0));
        table.onHeartbeat(new Heartbeat(instance, false), 0);
        return instance;
    }
}
