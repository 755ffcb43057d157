// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.spi.KvConnectorException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/**
 * A fake machine with some nodes, stepped by the test's one thread. Planes step in turn, the GPUs'
 * work runs in an order that a seed decides, and the test moves the time. At the end of a test each
 * operation has ended once, no memory was touched after that, and nothing is left over, whatever
 * the test did.
 */
public abstract class GpuFixture {

    private static final long PATIENCE_NS = 60_000_000_000L;
    private static final int GPUS = 4;

    /** Small, so that a few kilobytes fill them. */
    protected static final PullSizes SIZES = new PullSizes(100_000, 10_000, 3, 150_000);

    protected final long seed = Long.getLong("kv.seed", System.nanoTime());
    protected final Random random = new Random(seed);
    protected final List<GpuNode> nodes = new ArrayList<>();
    protected final List<GpuTransfer> transfers = new ArrayList<>();
    protected FakeCuda machine;

    /** Memory of a node's arena; all of it is looked at when the node ends. */
    protected int arenaBytes = 20 << 20;

    protected long unusedNs = Long.MAX_VALUE;
    protected long nowNs = Long.MAX_VALUE - 1_000_000; // Soon overflows, as System.nanoTime may.
    protected long stepNs = 20_000;
    private GpuWiring wiring;
    private long sockets;
    private long lastTicket;

    @RegisterExtension
    final TestExecutionExceptionHandler sayTheSeed =
            (ExtensionContext context, Throwable failure) -> {
                System.err.println(context.getDisplayName() + " failed with -Dkv.seed=" + seed);
                throw failure;
            };

    /** Way of opening planes on a machine. */
    protected abstract GpuWiring wiring(FakeCuda onMachine);

    @BeforeEach
    final void openMachine() {
        machine = new FakeCuda(GPUS, seed);
        wiring = wiring(machine);
        sockets = openSockets();
    }

    protected final GpuNode newNode() {
        return opened(new GpuNode(machine.newProcess(), nodes.size() % GPUS, random, arenaBytes));
    }

    /** A plane for another GPU of a node's process. */
    protected final GpuNode newSibling(GpuNode node) {
        return opened(new GpuNode(node, nodes.size() % GPUS));
    }

    private GpuNode opened(GpuNode node) {
        nodes.add(node);
        node.plane = open(node);
        node.plane.poll(nowNs); // Device threads poll from their beginning.
        return node;
    }

    protected final GpuPlane open(GpuNode node) {
        return wiring.open(
                new GpuPlaneConfig(node.device, "127.0.0.1", node.arena, 0),
                node.identity,
                SIZES,
                unusedNs);
    }

    protected final GpuTransfer transfer(GpuNode from, GpuNode to) {
        GpuTransfer transfer = new GpuTransfer(from, to, ++lastTicket, random);
        transfers.add(transfer);
        return transfer;
    }

    protected final void step() {
        stepPlanes();
        int operations = random.nextInt(4);
        while (operations-- > 0 && stepMachine()) {}
    }

    protected final void stepPlanes() {
        nowNs += stepNs;
        for (GpuNode node : List.copyOf(nodes)) {
            if (!node.killed) {
                node.plane.poll(nowNs);
            }
        }
    }

    /** Runs one operation of some GPU; an illegal one breaks its process, which is told later. */
    protected final boolean stepMachine() {
        try {
            return machine.step();
        } catch (KvConnectorException broke) {
            return true;
        }
    }

    protected final void stepUntil(BooleanSupplier done) {
        long startNs = System.nanoTime();
        while (!done.getAsBoolean()) {
            step();
            if (System.nanoTime() - startNs > PATIENCE_NS) {
                List<GpuTransfer> left = transfers.stream().filter(each -> !each.over()).toList();
                throw new AssertionError("seed=%d not over: %s".formatted(seed, left));
            }
        }
    }

    protected final void stepUntilOver() {
        stepUntil(() -> transfers.stream().allMatch(GpuTransfer::over));
    }

    /** Steps often enough for anything under way to arrive. */
    protected final void settle() {
        for (int i = 0; i < 300; i++) {
            step();
        }
    }

    protected final void steps(int count) {
        for (int i = 0; i < count; i++) {
            step();
        }
    }

    /** Closes a plane as its device thread does, while the others go on. */
    protected final void close(GpuNode node) {
        AtomicReference<RuntimeException> failure = new AtomicReference<>();
        Thread closer =
                new Thread(
                        () -> {
                            try {
                                if (!node.broken) {
                                    node.device.attach();
                                }
                                node.plane.close();
                            } catch (RuntimeException cause) {
                                failure.set(cause);
                            }
                        },
                        "kv-dev-closer");
        node.killed = true;
        closer.start();
        long startNs = System.nanoTime();
        while (closer.isAlive()) {
            step();
            assertThat(System.nanoTime() - startNs).isLessThan(PATIENCE_NS);
        }
        node.killed = false;
        nodes.remove(node);
        closed.add(node);
        if (failure.get() != null) {
            throw failure.get();
        }
    }

    /** Closes a node whose transfers are over, checks them, and gives its memory back. */
    protected final void retire(GpuNode node) {
        close(node);
        for (GpuNode peer : nodes) {
            peer.plane.disconnect(node.plane.endpoint());
        }
        stepUntil(() -> nodes.stream().allMatch(peer -> peer.killed || peer.plane.settled()));
        while (stepMachine()) {}
        transfers.stream().filter(each -> each.isOf(node)).forEach(GpuTransfer::check);
        transfers.removeIf(each -> each.isOf(node));
        node.checkArena();
        node.release();
        assertThat(node.process.leaks()).as("%s seed=%d", node.process, seed).isEmpty();
        closed.remove(node);
    }

    /** Makes room for another node: this one was killed, and is gone. */
    protected final void bury(GpuNode node) {
        nodes.remove(node);
        closed.add(node);
    }

    private final List<GpuNode> closed = new ArrayList<>();

    /** Kills a node; its GPUs still do some of what they have. Peers see the process going on. */
    protected final void kill(GpuNode node, int lateOperations) {
        node.killed = true;
        node.process.kill(lateOperations);
        node.plane.channel().close();
    }

    @AfterEach
    final void everythingIsGivenBack() {
        for (GpuNode node : nodes) {
            for (GpuNode peer : nodes) {
                if (!node.killed) {
                    node.plane.disconnect(peer.endpoint());
                    node.plane.disconnect(peer.plane.endpoint());
                }
            }
        }
        for (GpuNode node : nodes) {
            if (node.killed) {
                node.vanish();
            }
        }
        stepUntil(
                () ->
                        nodes.stream().allMatch(node -> node.killed || node.plane.settled())
                                && transfers.stream().allMatch(GpuTransfer::over));
        nodes.stream().filter(node -> !node.killed).forEach(node -> node.plane.close());
        while (stepMachine()) {}
        nodes.addAll(closed);
        if (nodes.stream().noneMatch(node -> node.broken)) {
            assertThat(machine.failures()).as("seed=%d", seed).isEmpty();
        }
        try {
            transfers.forEach(GpuTransfer::check);
            nodes.stream().filter(node -> !node.killed).forEach(GpuNode::checkArena);
        } finally {
            nodes.forEach(GpuNode::release);
        }
        for (GpuNode node : nodes) {
            assertThat(node.broken ? "" : node.process.leaks())
                    .as("%s seed=%d", node.process, seed)
                    .isEmpty();
        }
        assertThat(openSockets()).as("sockets").isEqualTo(sockets);
    }

    private static long openSockets() {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.filter(GpuFixture::isSocket).count();
        } catch (IOException cause) {
            throw new IllegalStateException(cause);
        }
    }

    private static boolean isSocket(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
        } catch (IOException closedMeanwhile) {
            return false;
        }
    }
}
