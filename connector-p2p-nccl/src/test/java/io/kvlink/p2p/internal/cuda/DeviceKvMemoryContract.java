// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Promises that the fake engines rely on, over any device. */
abstract class DeviceKvMemoryContract {

    private static final int BYTES = 100_003;

    abstract DeviceKvMemory open();

    @Test
    void readsWhatTheStreamHadWrittenUpToThere() {
        try (DeviceKvMemory memory = open()) {
            List<MemoryRegion> regions = memory.allocate(2, BYTES);
            List<Supplier<byte[]>> reads = new ArrayList<>();
            List<byte[]> expected = new ArrayList<>();
            Random random = new Random(7);
            byte[] now = new byte[BYTES];
            memory.write(regions.get(1), List.of(new Run(0, BYTES)), now);
            memory.delay();
            for (int i = 0; i < 20; i++) {
                byte[] content = new byte[1 + random.nextInt(5000)];
                random.nextBytes(content);
                int half = content.length / 2;
                int far = BYTES - content.length;
                memory.write(
                        regions.get(1),
                        half == 0
                                ? List.of(new Run(far, content.length))
                                : List.of(new Run(far, content.length - half), new Run(i, half)),
                        content);
                System.arraycopy(content, 0, now, far, content.length - half);
                System.arraycopy(content, content.length - half, now, i, half);
                expected.add(now.clone());
                content[0]++; // It was taken.
                reads.add(memory.read(regions.get(1)));
            }
            for (int i = 0; i < reads.size(); i++) {
                assertThat(reads.get(i).get()).as("read %d", i).isEqualTo(expected.get(i));
            }
        }
    }

    @Test
    void closesWithReadsThatNobodyLookedAt() {
        try (DeviceKvMemory memory = open()) {
            MemoryRegion region = memory.allocate(1, BYTES).get(0);
            memory.write(region, List.of(new Run(5, 3)), new byte[3]);
            memory.read(region);
        }
    }
}
