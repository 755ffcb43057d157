// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeNccl;
import io.kvlink.p2p.internal.gpu.GpuTransfer.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * No ring of NCCL planes ever waits for itself, over hundreds of seeded interleavings of planes,
 * engines and GPUs in which every sender sends to every receiver; and the same steps do find rings
 * when the rule that forbids them is taken away.
 */
class DeadlockFreedomTest extends GpuFixture {

    private static final int ROUNDS = 200;
    // So many steps in a row in which no plane and no GPU found anything to do.
    private static final int STUCK = 3_000;

    private boolean anySender;

    @Override
    GpuWiring wiring(FakeCuda onMachine) {
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
                                : new PullLane(sizes.groupBytes()));
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

    @ParameterizedTest(name = "{0}P{1}D")
    @CsvSource({"2, 2", "3, 3"})
    void shouldDeadlockWithoutTheRule(int p, int d) {
        anySender = true;
        open(p + d);
        boolean finished = true;
        for (int round = 0; round < ROUNDS && finished; round++) {
            begin(p, false);
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
        List<Runnable> posts = new ArrayList<>();
        for (GpuNode from : nodes.subList(0, p)) {
            for (GpuNode to : nodes.subList(p, nodes.size())) {
                Queue<Runnable> inOrder = posts(transfer(from, to), cancels);
                inOrder.forEach(post -> posts.add(() -> inOrder.remove().run()));
            }
        }
        Collections.shuffle(posts, random);
        for (Runnable post : posts) {
            post.run();
            for (int steps = random.nextInt(30); steps > 0; steps--) {
                stepOne();
            }
        }
    }

    private Queue<Runnable> posts(GpuTransfer transfer, boolean cancels) {
        Queue<Runnable> posts = new ArrayDeque<>();
        posts.add(transfer::receive);
        int layers = 1 + random.nextInt(3);
        for (int layer = 0; layer < layers; layer++) {
            int index = layer;
            Kind source = random.nextBoolean() ? Kind.DEVICE : Kind.COMPUTED;
            Kind destination = random.nextInt(4) == 0 ? Kind.PINNED : Kind.DEVICE;
            transfer.layer(1 + random.nextInt(3_000), 2, source, destination);
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
        return choice < nodes.size() ? nodes.get(choice).plane.poll(nowNs) > 0 : stepMachine();
    }

    private void forget() {
        transfers.forEach(GpuTransfer::check);
        transfers.clear();
    }

    /** Breaks the rule: pulls may be out to several senders. */
    private static final class PullsFromAnySender extends PullLane {
        PullsFromAnySender(long groupBytes) {
            super(groupBytes);
        }

        @Override
        boolean mayServe(@Nullable Link holder, Link link) {
            return true;
        }
    }
}
