// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.SendType;
import io.kvlink.p2p.internal.planes.Gpus;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.TransferRoute;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;

/**
 * Tests that start producers and consumers as processes of their own. KV is in host memory, or on
 * GPU 0 for producers and on GPU 1 for consumers, where there are two.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class NodeCases {

    private static final Duration SLACK = Duration.ofSeconds(60);
    private static final long PAUSE_NS = 20_000_000;

    private final String plane;
    private final int gpus;
    private final Duration timeout;
    private final List<NodeProcess> nodes = new ArrayList<>();
    // Processes that survived their test, without a connector.
    private final Deque<NodeProcess> idle = new ArrayDeque<>();
    private long seed;

    /**
     * Tests of one plane.
     *
     * @param gpus how many GPUs it needs
     * @param timeout a transfer's deadline
     */
    NodeCases(String plane, int gpus, Duration timeout) {
        this.plane = plane;
        this.gpus = gpus;
        this.timeout = timeout;
    }

    @BeforeEach
    final void needGpus() {
        if (gpus > 0) {
            Gpus.assume(gpus);
        }
    }

    @AfterEach
    final void endNodes() {
        nodes.forEach(this::endOrKeep);
        nodes.clear();
    }

    // What a killed peer leaves of a process's GPU is for a new process to see.
    private void endOrKeep(NodeProcess node) {
        if (onGpus() || !node.alive()) {
            node.close();
            return;
        }
        try {
            node.closeConnector();
            idle.add(node);
        } catch (AssertionError deaf) {
            node.close();
            throw deaf;
        }
    }

    @AfterAll
    final void endIdleNodes() {
        idle.forEach(NodeProcess::close);
    }

    final boolean onGpus() {
        return gpus > 0;
    }

    /** A process without a connector: one of an earlier test, or a new one. */
    final NodeProcess start() throws IOException {
        return added(idle.isEmpty() ? NodeProcess.start() : idle.remove());
    }

    final NodeProcess start(Map<String, String> environment) throws IOException {
        return added(NodeProcess.start(environment));
    }

    private NodeProcess added(NodeProcess node) {
        nodes.add(node);
        return node;
    }

    final NodeProcess.Setup setup(KvRole role, SendType mode, int blocks) {
        int device = gpus > 0 ? Gpus.of(role) : -1;
        return new NodeProcess.Setup(mode, plane, device, blocks, timeout);
    }

    /** Adds a request to both; the consumer's bytes are compared there. */
    final String hop(NodeProcess producer, NodeProcess consumer, int tokens) {
        seed++;
        String id = "r" + seed;
        TransferRoute route = NodeProcess.route(producer, consumer);
        consumer.add(id, seed, tokens, route);
        producer.add(id, seed, tokens, route);
        return id;
    }

    final void transfer(NodeProcess producer, NodeProcess consumer, int tokens) {
        String id = hop(producer, consumer, tokens);
        assertThat(end(consumer, id)).startsWith("LOADED " + plane);
        assertThat(end(producer, id)).startsWith("SENT " + plane);
    }

    /** End of a request at a node, within its deadline. */
    final String end(NodeProcess node, String id) {
        String start = "END " + id + " ";
        return node.await(start, timeout.plus(SLACK)).substring(start.length());
    }

    /** Waits for a state of a node, and returns it. */
    final NodeState awaitState(NodeProcess node, String what, Predicate<NodeState> holds) {
        long deadlineNs = System.nanoTime() + timeout.plus(SLACK).toNanos();
        NodeState state = node.state();
        while (!holds.test(state)) {
            if (System.nanoTime() - deadlineNs > 0) {
                throw new AssertionError(
                        "waited for %s of %s; %s; log: %s"
                                .formatted(what, node, state, node.log()));
            }
            // Each question collects the node's garbage.
            LockSupport.parkNanos(PAUSE_NS);
            state = node.state();
        }
        return state;
    }

    final NodeState awaitIdle(NodeProcess node) {
        return awaitState(node, "an idle ledger", state -> state.ledger().idle());
    }
}
