// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.proxy.fleet.InstanceTable.Change;
import io.kvlink.spi.HostPort;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Several models, and several versions of one, in processes that share an HTTP address. */
class ModelVersionsTest {

    private static final long EXPIRY = 10;
    private static final long FAREWELL = 100;
    private static final long PROCESS = 7;

    private final InstanceTable table = new InstanceTable(EXPIRY, FAREWELL, 4);
    private final Instance older = version(31, 1, PROCESS);
    private final Instance newer = version(32, 2, PROCESS);

    @Test
    void shouldHoldTwoModelsOfOneProcess() {
        assertThat(beat(of("a", 31, 1, PROCESS))).isEqualTo(Change.ADDED);
        assertThat(beat(of("b", 32, 2, PROCESS))).isEqualTo(Change.ADDED);
        assertThat(beat(of("a", 31, 1, PROCESS))).isEqualTo(Change.REFRESHED);
        assertThat(table.snapshot().models()).containsExactly("a", "b");
        assertThat(bye(of("b", 32, 2, PROCESS))).isEqualTo(Change.LEFT);
        assertThat(table.snapshot().models()).containsExactly("a");
    }

    @Test
    void shouldHoldTwoModelsAtOneAddressIfNobodySaysWhichProcess() {
        beat(of("a", 31, 1, 0));
        assertThat(beat(of("b", 32, 2, 0))).isEqualTo(Change.ADDED);
        assertThat(beat(of("a", 33, 3, 0))).isEqualTo(Change.RESTARTED);
        assertThat(table.snapshot().models()).containsExactly("a", "b");
    }

    @Test
    void shouldExpireEachModelOfAProcessOnItsOwn() {
        table.onHeartbeat(new Heartbeat(of("a", 31, 1, PROCESS), false), 0);
        table.onHeartbeat(new Heartbeat(of("b", 32, 2, PROCESS), false), 5);
        assertThat(table.expire(10)).extracting(Instance::model).containsExactly("a");
        assertThat(table.snapshot().models()).containsExactly("b");
    }

    @Test
    void shouldTakeOutAllModelsOfAProcessThatRestarted() {
        beat(of("a", 31, 1, PROCESS));
        beat(of("b", 32, 2, PROCESS));
        assertThat(beat(of("b", 42, 9, PROCESS + 1))).isEqualTo(Change.RESTARTED);
        assertThat(table.snapshot().models()).containsExactly("b");
        assertThat(beat(of("a", 41, 8, PROCESS + 1))).isEqualTo(Change.ADDED);
    }

    /** Each version has a connection of its own, so only its own messages keep their order. */
    @Test
    void shouldHoldTheNewerVersionHoweverTheMessagesAreMixed() {
        List<Heartbeat> ofOlder = List.of(alive(older), alive(older), farewell(older));
        List<Heartbeat> ofNewer = List.of(alive(newer), alive(newer), alive(newer));
        List<List<Heartbeat>> mixed = mixed(ofOlder, ofNewer);
        assertThat(mixed).hasSize(20);
        for (List<Heartbeat> order : mixed) {
            InstanceTable each = new InstanceTable(EXPIRY, FAREWELL, 4);
            boolean newerCame = false;
            for (Heartbeat heartbeat : order) {
                Change change = each.onHeartbeat(heartbeat, 0);
                boolean ofTheOlder = heartbeat.instance().is(older);
                newerCame |= !ofTheOlder;
                if (newerCame) {
                    assertThat(each.snapshot().decode()).as("%s", order).containsExactly(newer);
                    assertThat(change == Change.STALE).as("%s", order).isEqualTo(ofTheOlder);
                }
            }
        }
    }

    private static List<List<Heartbeat>> mixed(List<Heartbeat> first, List<Heartbeat> second) {
        if (first.isEmpty() || second.isEmpty()) {
            return List.of(first.isEmpty() ? second : first);
        }
        List<List<Heartbeat>> all = new ArrayList<>();
        for (List<Heartbeat> rest : mixed(first.subList(1, first.size()), second)) {
            all.add(headed(first.get(0), rest));
        }
        for (List<Heartbeat> rest : mixed(first, second.subList(1, second.size()))) {
            all.add(headed(second.get(0), rest));
        }
        return all;
    }

    private static List<Heartbeat> headed(Heartbeat head, List<Heartbeat> rest) {
        List<Heartbeat> whole = new ArrayList<>(List.of(head));
        whole.addAll(rest);
        return whole;
    }

    @Test
    void shouldReplaceAVersionInItsPlace() {
        beat(older);
        beat(of("b", 39, 1, PROCESS));
        assertThat(beat(newer)).isEqualTo(Change.REPLACED);
        assertThat(table.snapshot().decode().get(0)).isEqualTo(newer);
        assertThat(table.snapshot().has(older)).isFalse();
    }

    @Test
    void shouldTakeTheOlderVersionAgainWhenTheNewerHasLeft() {
        beat(older);
        beat(newer);
        assertThat(beat(older)).isEqualTo(Change.STALE);
        assertThat(bye(newer)).isEqualTo(Change.LEFT);
        assertThat(beat(older)).isEqualTo(Change.ADDED);
        assertThat(table.snapshot().decode()).containsExactly(older);
    }

    @Test
    void shouldTakeTheOlderVersionAgainWhenTheNewerIsSilent() {
        beat(older);
        beat(newer);
        table.expire(EXPIRY);
        assertThat(beat(older)).isEqualTo(Change.ADDED);
    }

    /** The next model may have the control address that the last one had. */
    @ParameterizedTest
    @CsvSource({"a,REPLACED", "b,RESTARTED"})
    void shouldReplaceWhoHadTheControlAddressBefore(String model, Change change) {
        beat(older);
        Instance next = of(model, 31, 2, PROCESS);
        assertThat(beat(next)).isEqualTo(change);
        assertThat(beat(older)).isEqualTo(Change.STALE);
        assertThat(bye(older)).isEqualTo(Change.STALE);
        assertThat(table.snapshot().decode()).containsExactly(next);
    }

    @Test
    void shouldLetTheNextVersionHaveAnotherRole() {
        beat(older);
        Instance next =
                new Instance(
                        Role.PREFILL, older.http(), newer.zmq(), 2, PROCESS, "a", Reported.NOTHING);
        assertThat(beat(next)).isEqualTo(Change.REPLACED);
        assertThat(table.snapshot().decode()).isEmpty();
        assertThat(table.snapshot().prefill()).containsExactly(next);
    }

    @Test
    void shouldCountInstancesNotProcesses() {
        for (int i = 1; i <= 4; i++) {
            assertThat(beat(of("m" + i, 30 + i, i, PROCESS))).isEqualTo(Change.ADDED);
        }
        assertThat(beat(of("m5", 35, 5, PROCESS))).isEqualTo(Change.FULL);
        assertThat(beat(of("m4", 36, 6, PROCESS))).isEqualTo(Change.REPLACED);
        assertThat(beat(of("m5", 35, 5, PROCESS + 1))).isEqualTo(Change.RESTARTED);
    }

    @Test
    void shouldRememberForAWhileWhichModelsHaveLeft() {
        table.onHeartbeat(alive(older), 0);
        table.onHeartbeat(farewell(older), 3);
        assertThat(table.snapshot().left()).containsOnly(Map.entry(decode("a"), 3L));
        table.onHeartbeat(alive(newer), 5);
        assertThat(table.snapshot().left()).isEmpty();
        table.expire(15);
        table.onHeartbeat(alive(of("b", 39, 1, PROCESS)), 15 + FAREWELL - 1);
        assertThat(table.snapshot().left()).containsOnlyKeys(decode("a"));
        table.onHeartbeat(alive(of("b", 39, 1, PROCESS)), 15 + FAREWELL);
        assertThat(table.snapshot().left()).isEmpty();
    }

    @Test
    void shouldRememberNoMoreModelsThanItMayHold() {
        for (int i = 1; i <= 6; i++) {
            beat(of("m" + i, 30 + i, i, PROCESS));
            bye(of("m" + i, 30 + i, i, PROCESS));
        }
        assertThat(table.snapshot().left())
                .containsOnlyKeys(decode("m3"), decode("m4"), decode("m5"), decode("m6"));
    }

    private static InstanceTable.Part decode(String model) {
        return new InstanceTable.Part(Role.DECODE, model);
    }

    private Change beat(Instance instance) {
        return table.onHeartbeat(alive(instance), 0);
    }

    private Change bye(Instance instance) {
        return table.onHeartbeat(farewell(instance), 0);
    }

    private static Heartbeat alive(Instance instance) {
        return new Heartbeat(instance, false);
    }

    private static Heartbeat farewell(Instance instance) {
        return new Heartbeat(instance, true);
    }

    private static Instance version(int zmq, long epoch, long process) {
        return of("a", zmq, epoch, process);
    }

    private static Instance of(String model, int zmq, long epoch, long process) {
        return new Instance(
                Role.DECODE,
                new HostPort("h", 1),
                Optional.of(new HostPort("h", zmq)),
                epoch,
                process,
                model,
                Reported.NOTHING);
    }
}
