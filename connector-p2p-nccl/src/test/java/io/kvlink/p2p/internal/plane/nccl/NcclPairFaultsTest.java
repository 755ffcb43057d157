// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.plane.nccl.NcclSim.End;
import io.kvlink.p2p.internal.plane.nccl.NcclSim.Node;
import io.kvlink.p2p.internal.plane.nccl.NcclSim.Pair;
import io.kvlink.p2p.internal.plane.nccl.NcclSim.Region;
import io.kvlink.spi.KvError;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Faults of links: whatever goes wrong, each group ends once, and then its memory is left alone.
 */
class NcclPairFaultsTest {

    private static void post(NcclSim sim, Pair pair, int groups) {
        for (int i = 0; i < groups; i++) {
            pair.post(2 + sim.random.nextInt(300));
        }
    }

    /** Everything that was posted ended well. */
    private static void assertAllDone(NcclSim sim) {
        for (Node node : sim.nodes) {
            assertThat(node.regions).as("seed=%d", sim.seed).allMatch(Region::done);
        }
    }

    @Property(tries = 100)
    void withoutFaultsAllArrives(@ForAll long seed) {
        NcclSim sim = new NcclSim(seed);
        Node p = sim.newNode(0);
        Node d = sim.newNode(1);
        Node e = sim.newNode(1);
        List<Pair> pairs = List.of(sim.connect(p, d), sim.connect(p, e), sim.connect(d, e));
        for (int i = 0; i < 30; i++) {
            post(sim, pairs.get(sim.random.nextInt(2)), 1);
            sim.steps(sim.random.nextInt(30));
        }
        sim.until("ended", () -> p.allEnded() && d.allEnded() && e.allEnded());
        assertAllDone(sim);
        sim.finish();
    }

    /** A call fails somewhere; a new link works afterwards, and nothing is lost. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "init",
                "asyncInit",
                "state",
                "await",
                "groupStart",
                "send",
                "receive",
                "groupEnd",
                "asyncGroup",
                "newEvent",
                "newStream",
                "record",
                "complete",
                "freeBytes"
            })
    void aFailureAtAnyStep(String method) {
        for (int successes = 0; successes < 12; successes++) {
            for (int seed = 0; seed < 4; seed++) {
                NcclSim sim = new NcclSim(seed * 100L + successes);
                Node p = sim.newNode(0);
                Node d = sim.newNode(1);
                (seed % 2 == 0 ? p : d).process.failLater(method, successes);
                Pair faulty = sim.connect(p, d);
                Pair other = sim.connect(p, d);
                for (int i = 0; i < 6; i++) {
                    post(sim, i % 2 == 0 ? faulty : other, 1);
                    sim.steps(sim.random.nextInt(40));
                }
                sim.until("ended", () -> p.allEnded() && d.allEnded());
                // In case it hasn't happened yet.
                p.process.failLater(method, Integer.MAX_VALUE);
                d.process.failLater(method, Integer.MAX_VALUE);
                Pair fresh = sim.connect(p, d);
                Region sent = fresh.sender().post(10);
                Region received = fresh.receiver().post(10);
                sim.until("ended", () -> sent.ended && received.ended);
                assertThat(sent.done() && received.done())
                        .as("%s after %d seed=%d", method, successes, sim.seed)
                        .isTrue();
                sim.finish();
            }
        }
    }

    @Property(tries = 100)
    void aKilledSenderLeavesTheReceiverWhole(
            @ForAll long seed, @ForAll @IntRange(max = 600) int steps, @ForAll boolean seen) {
        NcclSim sim = new NcclSim(seed);
        sim.nccl.deathIsSeen(seen);
        Node p = sim.newNode(0);
        Node d = sim.newNode(1);
        Node other = sim.newNode(0);
        Pair pair = sim.connect(p, d);
        Pair healthy = sim.connect(other, d);
        post(sim, pair, 5);
        sim.steps(steps);
        p.kill(sim.random.nextInt(4));
        sim.until("ended", d::allEnded);
        List<Region> later = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            later.add(healthy.sender().post(50));
            later.add(healthy.receiver().post(50));
        }
        sim.until("ended", () -> d.allEnded() && other.allEnded());
        assertThat(later).as("seed=%d", seed).allMatch(Region::done);
        sim.finish();
    }

    @Property(tries = 100)
    void anAbortAtAnyTimeFreesTheMemory(
            @ForAll long seed, @ForAll @IntRange(max = 600) int steps, @ForAll boolean bySender) {
        NcclSim sim = new NcclSim(seed);
        Node p = sim.newNode(0);
        Node d = sim.newNode(1);
        Pair pair = sim.connect(p, d);
        post(sim, pair, 5);
        sim.steps(steps);
        End aborting = bySender ? pair.sender() : pair.receiver();
        aborting.link.abort(KvError.PEER_LOST, "test");
        assertThat(aborting.post(4).error).isEqualTo(KvError.PEER_LOST);
        sim.until("closed", () -> aborting.closed);
        assertThat(aborting.error).isEqualTo(KvError.PEER_LOST);
        sim.finish();
    }

    @Property(tries = 300)
    void aGroupAbortedWhileNcclEnqueuesItIsNotToldTooEarly(@ForAll long seed) {
        NcclSim sim = new NcclSim(seed);
        Node p = sim.newNode(0);
        Node d = sim.newNode(1);
        Pair pair = sim.connect(p, d);
        sim.until("ready", () -> pair.sender().ready && pair.receiver().ready);
        pair.sender().post(100);
        sim.steps(60);
        pair.receiver().post(100);
        d.poll();
        pair.receiver().link.abort(KvError.CANCELLED, "test");
        sim.until("closed", () -> pair.receiver().closed);
        sim.finish();
    }

    @Test
    void aPeerThatNeverConnects() {
        NcclSim sim = new NcclSim(1);
        Node d = sim.newNode(1);
        End alone = sim.new End(d, d.library.newUniqueId(), false);
        Region region = alone.post(10);
        sim.until("closed", () -> alone.closed);
        assertThat(region.error).isEqualTo(KvError.DEADLINE);
        assertThat(alone.error).isEqualTo(KvError.DEADLINE);
        assertThat(alone.detail).contains("not connected after 3000 ms");
        assertThat(alone.ready).isFalse();
        sim.finish();
    }

    @Test
    void aSlowPeerIsBlamedAndNotTheOnesBehindIt() {
        NcclSim sim = new NcclSim(1);
        Node p = sim.newNode(0);
        Node d = sim.newNode(1);
        Node e = sim.newNode(1);
        Pair slow = sim.connect(p, d);
        Pair late = sim.connect(p, d);
        Pair good = sim.connect(p, e);
        sim.until("ready", () -> slow.sender().ready && late.sender().ready && good.sender().ready);
        Region first = slow.sender().post(100);
        sim.steps(20);
        Region second = late.sender().post(100);
        sim.steps(20);
        Region sent = good.sender().post(100);
        Region received = good.receiver().post(100);
        long postedNs = sim.nowNs;
        sim.until("ended", () -> sent.ended && received.ended);
        // Behind two whole deadlines.
        assertThat(sim.nowNs - postedNs).isGreaterThan(NcclSim.SEND_NS * 3 / 2);
        assertThat(first.error).isEqualTo(KvError.DEADLINE);
        assertThat(second.error).isEqualTo(KvError.DEADLINE);
        assertThat(sent.done()).isTrue();
        assertThat(received.done()).isTrue();
        assertThat(good.sender().closed).isFalse();
        sim.finish();
    }

    @Test
    void anAbortedGroupBehindAnotherEndsOnlyAfterIt() {
        NcclSim sim = new NcclSim(3);
        Node p = sim.newNode(0);
        Node d = sim.newNode(1);
        Pair ahead = sim.connect(p, d);
        Pair behind = sim.connect(p, d);
        sim.until("ready", () -> ahead.sender().ready && behind.sender().ready);
        Region first = ahead.sender().post(100);
        sim.steps(30);
        Region second = behind.sender().post(100);
        sim.steps(30);
        behind.sender().link.abort(KvError.CANCELLED, "test");
        sim.steps(500);
        assertThat(second.ended).isFalse();
        Region received = ahead.receiver().post(100);
        sim.until("ended", () -> second.ended);
        assertThat(first.done()).isTrue();
        sim.until("ended", () -> received.ended);
        assertThat(received.done()).isTrue();
        sim.finish();
    }

    @Test
    void anIdleLinkIsClosedAndGivesItsMemoryBack() {
        NcclSim sim = new NcclSim(1);
        Node p = sim.newNode(0);
        Node d = sim.newNode(1);
        long before = p.device.freeBytes();
        Pair pair = sim.connect(p, d);
        sim.until("ready", () -> pair.sender().ready && pair.receiver().ready);
        assertThat(pair.sender().link.communicatorBytes()).isEqualTo(1 << 20);
        assertThat(p.lane.communicatorBytes()).isEqualTo(1 << 20);
        pair.sender().link.close();
        sim.until("closed", () -> pair.sender().closed);
        assertThat(pair.sender().error).isEqualTo(KvError.CLOSED);
        assertThat(p.lane.links()).isZero();
        assertThat(p.lane.communicatorBytes()).isZero();
        assertThat(p.device.freeBytes()).isEqualTo(before);
        // The peer doesn't know until it sends, or its plane tells it.
        assertThat(pair.receiver().closed).isFalse();
        sim.finish();
    }

    @Test
    void aBrokenCommunicatorFailsWhatItHas() {
        NcclSim sim = new NcclSim(1);
        Node p = sim.newNode(0);
        Node d = sim.newNode(1);
        Pair pair = sim.connect(p, d);
        sim.until("ready", () -> pair.sender().ready && pair.receiver().ready);
        Region region = pair.receiver().post(10);
        sim.steps(50);
        sim.nccl.breakCommunicators(d.process);
        sim.until("ended", () -> region.ended);
        assertThat(region.error).isEqualTo(KvError.NATIVE_CALL_FAILED);
        sim.until("closed", () -> pair.receiver().closed);
        assertThat(pair.receiver().detail).contains("FAKE_BROKEN");
        sim.finish();
    }
}
