// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.proxy.fleet.InstanceTable.Change;
import io.kvlink.spi.HostPort;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class InstanceTableTest {

    private static final long EXPIRY = 10;
    private static final long FAREWELL = 100;
    private final InstanceTable table = new InstanceTable(EXPIRY, FAREWELL, 3);

    @Test
    void shouldExpireTheDeadSecondWhileTheFirstStillPings() {
        alive(Role.PREFILL, 1, 0, 0);
        alive(Role.PREFILL, 2, 0, 0);
        alive(Role.PREFILL, 1, 0, 9);
        assertThat(table.untilExpiryNs(9, 100)).isEqualTo(1);
        assertThat(table.expire(10)).extracting(i -> i.http().port()).containsExactly(2);
        assertThat(ports(Role.PREFILL)).containsExactly(1);
    }

    @Test
    void shouldExpireEvenIfNobodyPings() {
        alive(Role.DECODE, 1, 0, 0);
        assertThat(table.expire(9)).isEmpty();
        assertThat(table.expire(10)).hasSize(1);
        assertThat(table.snapshot().all()).isEmpty();
        assertThat(table.untilExpiryNs(10, 100)).isEqualTo(100);
    }

    @Test
    void shouldKeepItsOrderOverHeartbeatsAndRestarts() {
        alive(Role.DECODE, 1, 0, 0);
        alive(Role.DECODE, 2, 0, 0);
        assertThat(alive(Role.DECODE, 1, 0, 1)).isEqualTo(Change.REFRESHED);
        assertThat(alive(Role.DECODE, 1, 5, 2)).isEqualTo(Change.RESTARTED);
        assertThat(ports(Role.DECODE)).containsExactly(1, 2);
        assertThat(table.snapshot().decode().get(0).epoch()).isEqualTo(5);
    }

    @Test
    void shouldLetAnInstanceChangeItsRole() {
        alive(Role.DECODE, 1, 0, 0);
        assertThat(alive(Role.PREFILL, 1, 0, 1)).isEqualTo(Change.RESTARTED);
        assertThat(ports(Role.DECODE)).isEmpty();
        assertThat(ports(Role.PREFILL)).containsExactly(1);
    }

    @Test
    void shouldReplaceAnInstanceThatCameBackOnAnotherHttpPort() {
        table.onHeartbeat(new Heartbeat(instance(Role.DECODE, 1, 77, 1), false), 0);
        Instance moved = instance(Role.DECODE, 2, 77, 2);
        assertThat(table.onHeartbeat(new Heartbeat(moved, false), 1)).isEqualTo(Change.RESTARTED);
        assertThat(ports(Role.DECODE)).containsExactly(2);
    }

    @Test
    void shouldTakeOutWhoSaysGoodbyeAndNobodyElse() {
        alive(Role.DECODE, 1, 4, 0);
        assertThat(bye(1, 3)).isEqualTo(Change.STALE);
        assertThat(bye(2, 4)).isEqualTo(Change.STALE);
        assertThat(ports(Role.DECODE)).containsExactly(1);
        assertThat(bye(1, 4)).isEqualTo(Change.LEFT);
        assertThat(ports(Role.DECODE)).isEmpty();
    }

    @Test
    void shouldRefuseMoreThanItsLimit() {
        for (int port = 1; port <= 3; port++) {
            assertThat(alive(Role.DECODE, port, 0, 0)).isEqualTo(Change.ADDED);
        }
        assertThat(alive(Role.DECODE, 4, 0, 0)).isEqualTo(Change.FULL);
        assertThat(table.snapshot().all()).hasSize(3);
    }

    @Property
    void anInstanceIsThereExactlyWhileItsLastHeartbeatIsYoung(
            @ForAll @Size(max = 40) List<@IntRange(min = 1, max = 4) Integer> pings) {
        InstanceTable roomy = new InstanceTable(EXPIRY, FAREWELL, 10);
        Map<Integer, Long> last = new HashMap<>();
        long now = 0;
        for (int port : pings) {
            now += 3;
            roomy.onHeartbeat(
                    new Heartbeat(instance(Role.DECODE, port, port + 100, 0), false), now);
            last.put(port, now);
            roomy.expire(now);
            long young = now;
            last.values().removeIf(seen -> young - seen >= EXPIRY);
            assertThat(roomy.snapshot().decode())
                    .extracting(i -> i.http().port())
                    .containsExactlyInAnyOrderElementsOf(last.keySet());
        }
    }

    private Change alive(Role role, int port, long epoch, long nowNs) {
        return table.onHeartbeat(
                new Heartbeat(instance(role, port, port + 100, epoch), false), nowNs);
    }

    private Change bye(int port, long epoch) {
        return table.onHeartbeat(
                new Heartbeat(instance(Role.DECODE, port, port + 100, epoch), true), 1);
    }

    private List<Integer> ports(Role role) {
        return table.snapshot().of(role).stream().map(i -> i.http().port()).toList();
    }

    private static Instance instance(Role role, int http, int zmq, long epoch) {
        HostPort address = new HostPort("h", http);
        return new Instance(
                role, address, Optional.of(new HostPort("h", zmq)), epoch, 0, "", Reported.NOTHING);
    }
}
