// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The driver of a real GPU. */
class DriverGpuIT {

    private static final int WORDS = 1000;

    private Gpu device;
    private long stream;

    @BeforeEach
    void open() {
        assumeTrue(Gpu.availability().ready(), Gpu.availability().reason());
        device = Gpu.open(0);
        stream = device.newStream();
    }

    @AfterEach
    void close() {
        if (device != null) {
            device.destroyStream(stream);
            device.close();
        }
    }

    @Test
    void shouldDescribeTheDevice() {
        assertThat(device.name()).isNotBlank();
        assertThat(device.uuid()).matches("[0-9a-f]{32}");
        assertThat(Gpu.count()).isPositive();
        assertThat(device.capability()).isBetween(50, 200);
        assertThat(device.multiprocessors()).isPositive();
        assertThat(device.freeBytes()).isPositive().isLessThanOrEqualTo(device.totalBytes());
    }

    @Test
    void shouldCopyInTheOrderOfStreamsAndEvents() {
        long first = device.allocate(4L * WORDS);
        long second = device.allocate(4L * WORDS);
        long other = device.newStream();
        long event = device.newEvent();
        try (PinnedMemory host = device.allocatePinned(4L * WORDS)) {
            device.fill(first, 0x01020304, WORDS, stream);
            device.record(event, stream);
            device.await(other, event);
            device.copy(second, first, 4L * WORDS, other);
            device.copyOut(host.address(), second, 4L * WORDS, other);
            device.record(event, other);
            device.synchronize(event);
            assertThat(device.complete(event)).isTrue();
            ByteBuffer read = host.buffer();
            for (int i = 0; i < WORDS; i++) {
                assertThat(read.getInt(4 * i)).isEqualTo(0x01020304);
            }
        } finally {
            device.destroyEvent(event);
            device.destroyStream(other);
            device.free(second);
            device.free(first);
        }
    }

    @Test
    void shouldCopyFromLockedMemoryThroughTheDeviceAndBack() {
        ByteBuffer source = ByteBuffer.allocateDirect(WORDS + 8).position(8);
        new Random(1).ints(WORDS / 4).forEach(word -> source.putInt(word));
        source.position(8);
        ByteBuffer target = ByteBuffer.allocateDirect(WORDS);
        long memory = device.allocate(WORDS);
        long urgent = device.newUrgentStream();
        long from = device.lock(source);
        long to = device.lock(target);
        device.copyAnywhere(memory, from, WORDS, urgent);
        device.copyAnywhere(to, memory, WORDS, urgent);
        device.synchronizeStream(urgent);
        device.unlock(from);
        device.unlock(to);
        device.destroyStream(urgent);
        device.free(memory);
        assertThat(target).isEqualTo(source);
    }

    @Test
    void shouldReachItselfAndExportItsMemory() {
        GpuReach reach = new GpuReach(device);
        long memory = device.allocate(4L << 20);
        byte[] handle = reach.export(memory);
        assertThat(handle).hasSize(GpuReach.HANDLE_BYTES);
        assertThat(reach.canAccess(device.uuid())).isTrue();
        assertThat(reach.canAccess("0".repeat(32))).isFalse();
        assertThatThrownBy(() -> reach.enablePeer("0".repeat(32)))
                .isInstanceOf(CudaException.class)
                .hasMessageContaining("uuid=" + "0".repeat(32));
        // The driver maps no memory into the process that exported it.
        assertThatThrownBy(() -> reach.map(handle)).isInstanceOf(CudaException.class);
        device.free(memory);
    }

    @Test
    void shouldSayWhatTheTranslatorSays() {
        byte[] bad = ".version 7.8\n.target sm_80\nnonsense\n".getBytes(StandardCharsets.US_ASCII);
        assertThatThrownBy(() -> device.load(bad))
                .isInstanceOf(CudaException.class)
                .hasMessageContaining("CUDA_ERROR_INVALID_PTX")
                .hasMessageContaining("log=ptxas");
    }

    @Test
    void shouldTellWhenMemoryDoesNotSuffice() {
        long bytes = device.totalBytes() + (1L << 30);
        assertThatThrownBy(() -> device.allocate(bytes))
                .isInstanceOfSatisfying(
                        CudaException.class, thrown -> assertThat(thrown.outOfMemory()).isTrue())
                .hasMessageContaining("CUDA_ERROR_OUT_OF_MEMORY")
                .hasMessageContaining("bytes=" + bytes);
    }
}
