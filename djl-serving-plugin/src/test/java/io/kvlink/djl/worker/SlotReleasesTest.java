// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.engine.KvSlots;
import io.kvlink.spi.BlockTable;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class SlotReleasesTest {

    private final SlotReleases releases =
            new SlotReleases(new FailureLog(LoggerFactory.getLogger(SlotReleasesTest.class)));
    private final FakeMemory memory = new FakeMemory(4);

    @Test
    void shouldReleaseWhatHasLandedAlsoIfAnotherReleaseThrows() {
        Sequence sequence = Sequences.waiting(1, 2, 3);
        KvSlots taken = memory.allocate(16);
        WorkUnit unit = new WorkUnit(sequence, 0, 0, false);
        sequence.onLaunched(unit);
        KvSlots foreign = memory.allocate(16);
        releases.release(sequence, new FailingSlots(foreign));
        releases.release(sequence, taken);
        assertThat(memory.usedBlocks()).isEqualTo(2);
        sequence.onLanded(unit);
        releases.onLanded();
        assertThat(memory.usedBlocks()).isEqualTo(1);
        assertThat(releases.none()).isTrue();
        assertThat(memory.violations).isEqualTo(List.of());
    }

    private record FailingSlots(KvSlots slots) implements KvSlots {
        @Override
        public BlockTable blockTable() {
            return slots.blockTable();
        }

        @Override
        public int blocks() {
            return slots.blocks();
        }

        @Override
        public int capacity() {
            return slots.capacity();
        }

        @Override
        public void release() {
            throw new IllegalStateException("made by the test");
        }
    }
}
