// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import io.kvlink.djl.engine.Decoders;
import io.kvlink.djl.engine.SlotRun;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** KV slots, through the engine's port. */
class NDArraySlotsTest {
    private static final Decoders CPU = new Decoders(Device.cpu(), NDArrayDecoder::open);

    @TempDir private Path directory;

    @Test
    void shouldGetBackWhatWasTaken() {
        try (SlotRun run = SlotRun.open(CPU, directory)) {
            run.assertThatAllComesBack();
        }
    }

    @Test
    void shouldKeepKvThatIsCopiedOrGrows() {
        try (SlotRun run = SlotRun.open(CPU, directory)) {
            run.assertThatKvIsKept();
        }
    }
}
