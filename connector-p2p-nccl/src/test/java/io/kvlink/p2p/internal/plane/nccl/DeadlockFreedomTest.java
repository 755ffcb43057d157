// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeNccl;
import io.kvlink.p2p.internal.plane.pull.GpuFixture;
import io.kvlink.p2p.internal.plane.pull.GpuNode;
import io.kvlink.p2p.internal.plane.pull.GpuTransfer;
import io.kvlink.p2p.internal.plane.pull.GpuTransfer.Kind;
import io.kvlink.p2p.internal.plane.pull.GpuWiring;
import io.kvlink.p2p.internal.plane.pull.Link;
import io.kvlink.p2p.internal.plane.pull.PullTurns;
import io.kvlink.p2p.internal.planes.GpuPlanes;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Test that no ring of NCCL planes ever waits for itself. Planes, engines and GPUs take hundreds of
 * seeded interleavings, in which every sender sends to every receiver. Rings are found by the same
 * steps when the rule that forbids them is taken away.
 */
class DeadlockFreedomTest extends GpuFixture {

    private static final int ROUNDS = 200;
    // Without the rule the first ring comes much earlier.
    private static final int MOST_ROUNDS = 1_000;
    // So many steps in a row in which no plane and no GPU found anything to do.
    private static final int STUCK = 6_000;

    // Threads that get little of the CPU: what others send them comes together.
    private final Set<GpuNode> slow = new HashSet<>();
    private boolean anySender;

    @Override
    protected GpuWiring wiring(FakeCuda onMachine) {
        FakeNccl nccl = new FakeNccl(onMachine);
        return (config, process, sizes, unusedNs) ->
                GpuPlanes.openNccl(
                        config,
                        nccl.open(config.device()),
                        process,
                        sizes,
                        unusedNs,
                        anySender
                                ? new PullsFromAnySender(sizes.groupBytes())
                                : new PullTurns(sizes.groupBytes()));
    }

    @ParameterizedTest(name = "{0}P{1}D cancels={2}")
    @CsvSource({
        "2, 2, false",
        "3, 2, false",
        "2, 3, false",
        "3, 3, false",
        "2, 2, true",
        "3, 3, true"
    })
    void shouldFinishAllTransfers(int p, int d, boolean cancels) {
        open(p + d);
        for (int round = 0; round < ROUNDS; round++) {
            begin(p, cancels);
            assertThat(finish()).as("seed=%d round=%d %s", seed, round, transfers).isTrue();
            assertThat(transfers)
                    .as("seed=%d round=%d", seed, round)
                    .allMatch(transfer -> cancels || transfer.received());
            forget();
        }
    }

    @RepeatedTest(5)
    void shouldDeadlockWithoutTheRule() {
        anySender = true;
        open(6);
        boolean finished = true;
        for (int round = 0; round < MOST_ROUNDS && finished; round++) {
            begin(3, false);
            finished = finish();
            if (finished) {
                forget();
            }
        }
        assertThat(finished).as("every round finished, seed=%d", seed).isFalse();
    }

    private void open(int count) {
        for (int i = 0; i < count; i++) {
            newNode();
        }
    }

    /** All engines post, in any order and while everything runs; a sender only what is granted. */
    private void begin(int p, boolean cancels) {
        slow.clear();
        nodes.stream().filter(node -> random.nextBoolean()).forEach(slow::add);
        List<Runnable> posts = new ArrayList<>();
        for (GpuNode from : nodes.subList(0, p)) {
            for (GpuNode to : nodes.subList(p, nodes.size())) {
                Queue<Runnable> inOrder = posts(transfer(from, to), cancels);
                inOrder.forEach(post -> posts.add(() -> inOrder.remove().run()));
            }
        }
        Collections.shuffle(posts, random);
        int pause = 1 + random.nextInt(30);
        for (Runnable post : posts) {
            post.run();
            for (int steps = random.nextInt(pause); steps > 0; steps--) {
                stepOne();
            }
        }
    }

    private Queue<Runnable> posts(GpuTransfer transfer, boolean cancels) {
        Queue<Runnable> posts = new ArrayDeque<>();
        posts.add(transfer::receive);
        int pieces = 1 + random.nextInt(3);
        for (int piece = 0; piece < pieces; piece++) {
            int index = piece;
            Kind source = random.nextBoolean() ? Kind.DEVICE : Kind.COMPUTED;
            Kind destination = random.nextInt(4) == 0 ? Kind.PINNED : Kind.DEVICE;
            transfer.piece(1 + random.nextInt(1_000), 2, source, destination);
            posts.add(() -> transfer.send(index));
        }
        if (cancels && random.nextInt(3) == 0) {
            // Either engine first; the control plane tells the other.
            boolean senderFirst = random.nextBoolean();
            posts.add(senderFirst ? transfer::cancelSends : transfer::cancelReceive);
            posts.add(senderFirst ? transfer::cancelReceive : transfer::cancelSends);
        }
        return posts;
    }

    /** Steps until all is over; false if nobody can do anything before. */
    private boolean finish() {
        int idle = 0;
        while (!transfers.stream().allMatch(GpuTransfer::over)) {
            idle = stepOne() ? 0 : idle + 1;
            if (idle == STUCK) {
                return false;
            }
        }
        return true;
    }

    /** One plane, or one operation of one GPU; false if there was nothing to do. */
    private boolean stepOne() {
        nowNs += stepNs;
        int choice = random.nextInt(2 * nodes.size());
        if (choice >= nodes.size()) {
            return stepMachine();
        }
        GpuNode node = nodes.get(choice);
        boolean runs = !slow.contains(node) || random.nextInt(20) == 0;
        return runs && node.plane.poll(nowNs) > 0;
    }

    /** Now and then links end, and are made again in another order. */
    private void forget() {
        transfers.forEach(GpuTransfer::check);
        transfers.clear();
        if (random.nextInt(4) == 0) {
            for (GpuNode node : nodes) {
                nodes.forEach(peer -> node.plane.disconnect(peer.plane.endpoint()));
            }
            stepUntil(() -> nodes.stream().allMatch(node -> node.plane.settled()));
        }
    }

    /** Breaks the rule: pulls may be out to several senders. */
    private static final class PullsFromAnySender extends PullTurns {
        PullsFromAnySender(long groupBytes) {
            super(groupBytes);
        }

        @Override
        public boolean mayServe(@Nullable Link holder, Link link) {
            return true;
        }
    }
}
