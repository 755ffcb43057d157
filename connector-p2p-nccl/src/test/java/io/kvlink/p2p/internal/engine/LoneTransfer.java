// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

/** One producer, one consumer, and a request that only the test moves on. */
class LoneTransfer {

    final Simulation simulation;
    final Simulation.Node prefill;
    final Simulation.Node decode;
    final Simulation.Transfer transfer;

    /**
     * Nothing has moved yet.
     *
     * @param simulation without nodes
     * @param memory that the producer, and that the consumer has, in bytes
     */
    LoneTransfer(
            Simulation simulation, Memory memory, int tokens, boolean attaches, boolean wants) {
        this.simulation = simulation;
        simulation.nodes(1, 1, memory.producer, memory.consumer);
        prefill = simulation.prefills.get(0);
        decode = simulation.decodes.get(0);
        transfer = simulation.new Transfer(prefill, decode, tokens, 0, attaches, wants);
    }

    record Memory(long producer, long consumer) {}

    /** The producer saves so many layers of chunks, which move. */
    final void save(int pieces) {
        for (int piece = 0; piece < pieces; piece++) {
            transfer.stepPrefill();
        }
        simulation.settle(200);
    }

    /** Both engines do what is left to do; nothing may be held after that. */
    final void finish() {
        for (int i = 0; i < 8 * Simulation.LAYERS; i++) {
            transfer.stepDecode();
            transfer.stepPrefill();
            simulation.settle(20);
        }
        simulation.settle(200);
        assertThat(transfer.over()).as("%s", transfer.outbound).isTrue();
        assertThat(simulation.held()).isEmpty();
    }
}
