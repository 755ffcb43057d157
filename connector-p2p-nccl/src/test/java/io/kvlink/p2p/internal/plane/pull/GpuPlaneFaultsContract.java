// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.plane.pull.GpuTransfer.Kind;
import io.kvlink.spi.KvConnectorException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Peers that are killed, and calls of CUDA that fail, on every plane between GPUs. */
public abstract class GpuPlaneFaultsContract extends GpuFixture {

    protected GpuNode p;
    protected GpuNode d;

    @BeforeEach
    final void openTwo() {
        arenaBytes = 4 << 20; // There will be hundreds of nodes.
        p = newNode();
        d = newNode();
    }

    private GpuTransfer mixed(GpuNode from, GpuNode to) {
        GpuTransfer transfer = transfer(from, to);
        for (int i = 0; i < 6; i++) {
            Kind source = Kind.any(random);
            Kind destination = i % 2 == 0 ? Kind.PINNED : Kind.DEVICE;
            int bytes = 1 + random.nextInt(30_000);
            transfer.piece(bytes, 1 + random.nextInt(3), source, destination);
        }
        return transfer;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 10, 1000})
    void shouldSurviveAKilledSender(int lateOperations) {
        for (int moment = 0; moment < 30; moment += 3) {
            GpuNode victim = newNode();
            GpuTransfer transfer = mixed(victim, d).receive().sendAll();
            GpuTransfer other = mixed(p, d).receive().sendAll();
            steps(moment);
            kill(victim, lateOperations);
            while (random.nextInt(4) > 0) {
                step();
            }
            runDry(); // What it had enqueued goes on, while its process can still be seen.
            victim.vanish();
            stepUntilOver();
            assertThat(other.received()).as("seed=%d %s", seed, other).isTrue();
            assertThat(transfer.receiveEnded()).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 1000})
    void shouldSurviveAKilledReceiver(int lateOperations) {
        for (int moment = 0; moment < 30; moment += 3) {
            GpuNode victim = newNode();
            mixed(p, victim).receive().sendAll();
            GpuTransfer other = mixed(p, d).receive().sendAll();
            steps(moment);
            kill(victim, lateOperations);
            victim.vanish();
            steps(random.nextInt(100));
            p.plane.disconnect(victim.plane.endpoint());
            stepUntilOver();
            assertThat(other.received()).as("seed=%d %s", seed, other).isTrue();
        }
    }

    private void runDry() {
        for (int i = 0; i < 200; i++) {
            step();
        }
    }

    /** Calls that fail once, after so many successes. */
    private static List<String> calls() {
        return List.of(
                "copy",
                "record",
                "await",
                "launch",
                "newEvent",
                "newStream",
                "allocate",
                "map",
                "export",
                "enablePeer",
                "newRunCopier",
                "unmap");
    }

    @Test
    void shouldEndAllOperationsWhateverFailsAtTheSender() {
        for (String call : calls()) {
            for (int successes = 0; successes < 8; successes += 1 + random.nextInt(2)) {
                failsOnce(true, call, successes);
            }
        }
    }

    @Test
    void shouldEndAllOperationsWhateverFailsAtTheReceiver() {
        for (String call : calls()) {
            for (int successes = 0; successes < 6; successes += 1 + random.nextInt(2)) {
                failsOnce(false, call, successes);
            }
        }
    }

    private void failsOnce(boolean atTheSender, String call, int successes) {
        // New ones each time, so that all of this happens when they meet first.
        GpuNode from = newNode();
        GpuNode to = newNode();
        GpuNode victim = atTheSender ? from : to;
        GpuTransfer transfer = mixed(from, to);
        List<GpuTransfer> more = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            more.add(mixed(from, to));
        }
        transfer.prepare();
        more.forEach(GpuTransfer::prepare);
        victim.process.failLater(call, successes);
        transfer.receive().sendAll();
        steps(random.nextInt(20));
        more.forEach(each -> each.receive().sendAll());
        settle();
        victim.process.failLater(call, Integer.MAX_VALUE);
        // Engines tell each other what has failed.
        for (GpuTransfer each : transfers) {
            if (!each.over()) {
                each.cancelSends();
                each.cancelReceive();
            }
        }
        stepUntilOver();
        from.plane.disconnect(to.plane.endpoint());
        to.plane.disconnect(from.plane.endpoint());
        GpuTransfer after = transfer(from, to).piece(2000).piece(1000, 1, Kind.PINNED, Kind.PINNED);
        after.receive().sendAll();
        stepUntilOver();
        assertThat(after.received()).as("seed=%d call=%s %s", seed, call, after).isTrue();
        retire(from);
        retire(to);
    }

    @Test
    void shouldEndAllOperationsWhenItsContextIsLost() {
        for (int moment = 0; moment < 30; moment += 10) {
            GpuNode victim = newNode();
            mixed(victim, d).receive().sendAll();
            mixed(d, victim).receive().sendAll();
            GpuTransfer other = mixed(p, d).receive().sendAll();
            steps(moment);
            breakContext(victim);
            settle();
            closeBroken(victim);
            d.plane.disconnect(victim.plane.endpoint());
            stepNs = 5_000_000; // Whoever waits for it in a lane gives up some time.
            stepUntilOver();
            stepNs = 20_000;
            assertThat(other.received()).as("seed=%d %s", seed, other).isTrue();
        }
    }

    private void closeBroken(GpuNode node) {
        try {
            close(node);
        } catch (KvConnectorException cause) {
            assertThat(cause).hasMessageContaining("sticky");
        }
    }

    // An illegal access of the engine's own.
    private void breakContext(GpuNode node) {
        node.device.copy(1, 2, 3, node.engine); // Each an address of nobody's.
        node.broken = true;
        while (!machine.failures().toString().contains(node.process + " address=0x2 ")) {
            step();
        }
    }

    @Test
    void shouldLeaveNothingWhenItCannotOpen() {
        for (String call : List.of("export", "newStream", "allocate")) {
            for (int successes = 0; successes < 3; successes++) {
                p.process.failLater(call, successes);
                try {
                    open(p).close();
                } catch (KvConnectorException expected) {
                    assertThat(expected).hasMessageContaining("FAKE_PLANNED");
                }
                p.process.failLater(call, Integer.MAX_VALUE);
            }
        }
    }
}
