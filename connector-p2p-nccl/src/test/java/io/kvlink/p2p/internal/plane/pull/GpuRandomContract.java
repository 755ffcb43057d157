// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.plane.pull.GpuTransfer.Kind;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

/**
 * Contract of every plane between GPUs when anything happens at any time, between a few nodes. At
 * the end each operation has ended once, what was received is right, and nothing was touched after
 * its end.
 */
public abstract class GpuRandomContract extends GpuFixture {

    private static final int TRANSFERS = 250;

    private final List<GpuTransfer> open = new ArrayList<>();

    @RepeatedTest(8)
    void everyOperationEndsOnceAndMemoryIsRight() {
        unusedNs = random.nextBoolean() ? Long.MAX_VALUE : 1_000_000;
        int size = 3 + random.nextInt(2);
        for (int i = 0; i < size; i++) {
            newNode();
        }
        int trouble = random.nextInt(4); // Some runs have none.
        for (int i = 0; i < TRANSFERS; i++) {
            begin();
            if (random.nextInt(10) < trouble) {
                makeTrouble();
            }
            steps(random.nextInt(10));
            // A few stay open, as engines have a few at a time.
            while (open.size() > 12) {
                end(open.get(0));
            }
            open.removeIf(GpuTransfer::over);
        }
        List.copyOf(open).forEach(this::end);
        List<GpuTransfer> failed = transfers.stream().filter(each -> !each.received()).toList();
        assertThat(failed.size()).isLessThan(transfers.size());
        assertThat(trouble > 0 ? List.of() : failed).as("seed=%d", seed).isEmpty();
    }

    private void begin() {
        GpuNode from = nodes.get(random.nextInt(nodes.size()));
        GpuNode to = nodes.get(random.nextInt(nodes.size()));
        if (from == to) {
            return;
        }
        GpuTransfer transfer = transfer(from, to);
        int pieces = 1 + random.nextInt(4);
        for (int i = 0; i < pieces; i++) {
            Kind source = Kind.any(random);
            Kind destination = random.nextInt(3) == 0 ? Kind.PINNED : Kind.DEVICE;
            int bytes = 1 + random.nextInt(random.nextInt(5) == 0 ? 30_000 : 3000);
            transfer.piece(bytes, 1 + random.nextInt(4), source, destination);
        }
        // Engines post a receive before its sender learns the ticket.
        transfer.receive();
        steps(random.nextInt(5));
        transfer.sendAll();
        open.add(transfer);
    }

    private void makeTrouble() {
        GpuTransfer transfer = open.isEmpty() ? null : open.get(random.nextInt(open.size()));
        GpuNode node = nodes.get(random.nextInt(nodes.size()));
        GpuNode peer = nodes.get(random.nextInt(nodes.size()));
        switch (random.nextInt(5)) {
            case 0 -> node.plane.disconnect(peer.plane.endpoint());
            case 1 -> node.process.hold(node.engine, random.nextBoolean());
            case 2 -> {
                if (transfer != null) {
                    transfer.cancelReceive();
                }
            }
            case 3 -> {
                if (transfer != null) {
                    transfer.cancelSends();
                }
            }
            default -> {
                if (transfer != null) {
                    transfer.cancelReceive();
                    transfer.cancelSends();
                }
            }
        }
    }

    // Steps until it is over; engines tell each other of what has failed.
    private void end(GpuTransfer transfer) {
        for (int i = 0; i < 400 && !transfer.over(); i++) {
            step();
        }
        nodes.forEach(node -> node.process.hold(node.engine, false));
        for (int i = 0; i < 4000 && !transfer.over() && !transfer.failed(); i++) {
            step();
        }
        if (!transfer.over()) {
            transfer.cancelReceive();
            transfer.cancelSends();
        }
        stepUntil(transfer::over);
        open.remove(transfer);
    }

    @Test
    void everyOperationEndsWhereNodesDie() {
        for (int round = 0; round < 8; round++) {
            while (nodes.size() < 4) {
                newNode();
            }
            for (int i = 0; i < 20; i++) {
                begin();
                if (random.nextInt(4) == 0) {
                    makeTrouble();
                }
                steps(random.nextInt(6));
            }
            GpuNode victim = nodes.get(random.nextInt(nodes.size()));
            kill(victim, random.nextInt(20));
            steps(200);
            victim.vanish();
            for (GpuNode node : nodes) {
                if (node != victim) {
                    node.plane.disconnect(victim.plane.endpoint());
                }
            }
            List.copyOf(open).forEach(this::endOfTheDead);
            bury(victim);
        }
    }

    private void endOfTheDead(GpuTransfer transfer) {
        nodes.forEach(
                node -> {
                    if (!node.killed) {
                        node.process.hold(node.engine, false);
                    }
                });
        if (transfer.from.killed || transfer.to.killed) {
            stepUntil(transfer::over);
            open.remove(transfer);
        } else {
            end(transfer);
        }
    }
}
