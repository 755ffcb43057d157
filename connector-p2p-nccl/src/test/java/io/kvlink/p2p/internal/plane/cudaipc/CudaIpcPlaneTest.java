// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.cudaipc;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.plane.pull.GpuNode;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneContract;
import io.kvlink.p2p.internal.plane.pull.GpuTransfer;
import io.kvlink.p2p.internal.plane.pull.GpuTransfer.Kind;
import io.kvlink.p2p.internal.plane.pull.GpuWiring;
import io.kvlink.p2p.internal.planes.GpuPlanes;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class CudaIpcPlaneTest extends GpuPlaneContract {

    @Override
    protected GpuWiring wiring(FakeCuda onMachine) {
        return GpuPlanes::openCudaIpc;
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"DEVICE", "PINNED"})
    void shouldLetASlowSenderDelayOnlyItself(Kind destination) {
        GpuNode slow = newNode();
        slow.process.hold(slow.engine, true);
        GpuTransfer late = transfer(slow, d);
        for (int i = 0; i < 20; i++) {
            late.piece(10_000, 2, Kind.COMPUTED, destination);
        }
        late.receive().sendAll();
        settle();
        for (int i = 0; i < 5; i++) {
            GpuTransfer other = transfer(p, d).piece(25_000, 2, Kind.COMPUTED, destination);
            other.receive().sendAll();
            stepUntil(other::over);
            assertThat(other.received()).isTrue();
        }
        slow.process.hold(slow.engine, false);
        stepUntilOver();
        assertThat(late.received()).isTrue();
    }

    @Test
    void shouldLetASlowReceiverDelayOnlyItself() {
        GpuNode slow = newNode();
        GpuTransfer early = transfer(p, slow).piece(1000).receive();
        settle();
        slow.killed = true; // It stands still; its process lives.
        GpuTransfer late = transfer(p, slow);
        for (int i = 0; i < 10; i++) {
            late.piece(50_000, 1, Kind.COMPUTED, Kind.DEVICE);
        }
        late.sendAll();
        early.sendAll();
        GpuTransfer other = transfer(p, d).piece(200_000).receive().sendAll();
        stepUntil(other::over);
        assertThat(other.received()).isTrue();
        slow.killed = false;
        late.receive();
        stepUntilOver();
        assertThat(late.received()).isTrue();
    }

    @Test
    void shouldMoveBetweenGpusOfOneProcess() {
        GpuNode sibling = newSibling(p);
        GpuTransfer to =
                transfer(p, sibling)
                        .piece(30_000, 3, Kind.COMPUTED, Kind.DEVICE)
                        .piece(2_000_000, 1, Kind.COMPUTED, Kind.DEVICE)
                        .piece(30_000, 3, Kind.PINNED, Kind.PINNED)
                        .receive()
                        .sendAll();
        GpuTransfer back =
                transfer(sibling, p)
                        .piece(30_000, 3, Kind.COMPUTED, Kind.PINNED)
                        .sendAll()
                        .receive();
        stepUntilOver();
        assertThat(to.received()).isTrue();
        assertThat(back.received()).isTrue();
        assertThat(p.plane.reaches(sibling.plane.endpoint())).isTrue();
        assertThat(p.process.mappings()).isZero();
    }

    @Test
    void shouldFailWhereThereIsNoPath() {
        machine.cut(0, 1);
        GpuTransfer transfer = transfer(p, d).piece(1000).receive().sendAll();
        stepUntilOver();
        assertThat(transfer.received()).isFalse();
        assertThat(p.plane.reaches(d.plane.endpoint())).isFalse();
    }

    @Test
    void shouldUnmapAndForgetPeersThatAreDisconnected() {
        transfer(p, d).piece(1000).piece(500, 1, Kind.DEVICE, Kind.PINNED).receive().sendAll();
        stepUntilOver();
        int streams = p.process.streams();
        assertThat(p.process.mappings()).isEqualTo(2);
        p.plane.disconnect(d.plane.endpoint());
        stepUntil(() -> p.plane.settled() && d.plane.settled());
        assertThat(p.process.mappings()).isZero();
        assertThat(p.process.streams()).isEqualTo(streams - 1);
    }

    @Test
    void shouldGiveBackWhatAnUnusedLinkHad() {
        unusedNs = 1_000_000;
        GpuNode e = newNode();
        transfer(p, e).piece(1000).receive().sendAll();
        stepUntilOver();
        assertThat(p.process.mappings()).isEqualTo(1);
        stepUntil(() -> p.process.mappings() == 0);
    }

    @Test
    void shouldReturnFromIdleWhenWokenBefore() {
        d.plane.poll(nowNs);
        d.plane.poll(nowNs += TimeUnit.SECONDS.toNanos(1)); // Past the spinning.
        d.plane.wakeup();
        d.plane.poll(nowNs); // Must not swallow the wake-up.
        long startNs = System.nanoTime();
        d.plane.idle(TimeUnit.SECONDS.toNanos(20));
        assertThat(System.nanoTime() - startNs).isLessThan(TimeUnit.SECONDS.toNanos(10));
    }

    @Test
    void shouldReturnFromIdleWhenFramesCome() {
        transfer(p, d).piece(1000).receive().sendAll();
        stepUntilOver();
        settle();
        transfer(p, d).piece(1000).receive();
        d.plane.idle(1); // Says what was asked for.
        nowNs += TimeUnit.SECONDS.toNanos(1);
        while (p.plane.poll(nowNs) == 0) {}
        transfers.get(1).sendAll();
        while (!transfers.get(1).sendsEnded()) {
            p.plane.poll(nowNs);
            stepMachine();
        }
        long startNs = System.nanoTime();
        d.plane.idle(TimeUnit.SECONDS.toNanos(20));
        assertThat(System.nanoTime() - startNs).isLessThan(TimeUnit.SECONDS.toNanos(10));
        stepUntilOver();
    }

    @Test
    void shouldNotSpinForEverWhereTheClockIsNegative() {
        GpuNode node = newNode();
        long longAgoNs = -TimeUnit.DAYS.toNanos(1000);
        node.plane.poll(longAgoNs);
        node.plane.poll(longAgoNs + TimeUnit.SECONDS.toNanos(1));
        long startNs = System.nanoTime();
        node.plane.idle(TimeUnit.MILLISECONDS.toNanos(20)); // Sleeps, as nobody wakes it.
        assertThat(System.nanoTime() - startNs).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(10));
    }
}
