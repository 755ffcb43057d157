// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Promises of every CUDA device, as far as one process can see them. */
abstract class CudaDeviceContract {

    private static final int BYTES = 1 << 20;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private final List<Runnable> undo = new ArrayList<>();
    private final List<ByteBuffer> locked = new ArrayList<>();
    private CudaDevice device;
    private CudaStream stream;

    /** Opens the first GPU. */
    abstract CudaDevice openDevice();

    @BeforeEach
    void openAll() {
        device = openDevice();
        undo.add(device::close);
        stream = newStream();
        undo.add(() -> finish(stream));
    }

    @AfterEach
    void closeAll() {
        for (int i = undo.size() - 1; i >= 0; i--) {
            undo.get(i).run();
        }
    }

    private CudaStream newStream() {
        CudaStream made = device.newStream();
        undo.add(made::close);
        return made;
    }

    private CudaEvent newEvent() {
        CudaEvent made = device.newEvent();
        undo.add(made::close);
        return made;
    }

    private long allocate(long bytes) {
        long address = device.allocate(bytes);
        undo.add(() -> device.free(address));
        return address;
    }

    /** A locked buffer. */
    private record Host(ByteBuffer buffer, long address) {
        byte[] bytes() {
            byte[] bytes = new byte[buffer.capacity()];
            buffer.duplicate().get(bytes);
            return bytes;
        }
    }

    private Host host(byte[] content) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(content.length);
        buffer.duplicate().put(content);
        locked.add(buffer); // What is collected while it is locked can't be locked again.
        long address = device.pageLocker().lock(buffer);
        undo.add(() -> device.pageLocker().unlock(address));
        return new Host(buffer, address);
    }

    private Host host(int bytes) {
        return host(new byte[bytes]);
    }

    private byte[] randomBytes(int bytes) {
        byte[] content = new byte[bytes];
        random.nextBytes(content);
        return content;
    }

    private void finish(CudaStream of) {
        device.attach(); // A test may have opened and closed another one.
        try (CudaEvent end = device.newEvent()) {
            device.record(end, of);
            device.synchronize(end);
        }
    }

    private byte[] read(long address, int bytes) {
        Host copy = host(bytes);
        device.copy(address, copy.address(), bytes, stream);
        finish(stream);
        return copy.bytes();
    }

    @Test
    void bytesComeBackThroughTheDevice() {
        Host source = host(randomBytes(BYTES));
        long first = allocate(BYTES);
        long second = allocate(BYTES);
        device.copy(source.address(), first, BYTES, stream);
        device.copy(first, second, BYTES, stream);
        assertThat(read(second, BYTES)).isEqualTo(source.bytes());
    }

    @Test
    void aCopyTouchesNothingBesideItsBytes() {
        byte[] expected = randomBytes(BYTES);
        Host source = host(expected);
        long address = allocate(BYTES);
        device.copy(source.address(), address, BYTES, stream);
        device.copy(address + 1000, address + 501, 99, stream);
        System.arraycopy(source.bytes(), 1000, expected, 501, 99);
        assertThat(read(address, BYTES)).isEqualTo(expected);
    }

    @Test
    void manyOddRunsAreCopiedAndNothingElse() {
        Host source = host(randomBytes(BYTES));
        byte[] expected = randomBytes(BYTES);
        long from = allocate(BYTES);
        long to = allocate(BYTES);
        device.copy(source.address(), from, BYTES, stream);
        device.copy(host(expected).address(), to, BYTES, stream);
        int end = 0;
        try (RunCopier copier = device.newRunCopier(RunCopier.WIDE)) {
            for (int run = 0; run < 700; run++) {
                int bytes = 1 + random.nextInt(run % 50 == 0 ? 20_000 : 500);
                int sourceAt = random.nextInt(BYTES - bytes);
                int at = end + random.nextInt(40);
                end = at + bytes;
                copier.add(from + sourceAt, to + at, bytes, stream);
                System.arraycopy(source.bytes(), sourceAt, expected, at, bytes);
            }
            copier.flush(stream);
        }
        assertThat(read(to, BYTES)).as("seed=%d", seed).isEqualTo(expected);
    }

    @Test
    void runsOfAnyAlignmentAndLength() {
        Host source = host(randomBytes(BYTES));
        byte[] expected = new byte[BYTES];
        long from = allocate(BYTES);
        long to = allocate(BYTES);
        device.copy(source.address(), from, BYTES, stream);
        device.copy(host(expected).address(), to, BYTES, stream);
        int slot = 256;
        try (RunCopier copier = device.newRunCopier(RunCopier.WIDE)) {
            int at = 0;
            for (int sourceShift = 0; sourceShift < 17; sourceShift++) {
                for (int shift = 0; shift < 17; shift++) {
                    int bytes = 1 + (sourceShift * 31 + shift * 17) % 200;
                    copier.add(from + at + sourceShift, to + at + shift, bytes, stream);
                    System.arraycopy(source.bytes(), at + sourceShift, expected, at + shift, bytes);
                    at += slot;
                }
            }
            copier.flush(stream);
        }
        assertThat(read(to, BYTES)).isEqualTo(expected);
    }

    @Test
    void aCopierIsUsedAgain() {
        Host source = host(randomBytes(1000));
        long from = allocate(1000);
        long to = allocate(1000);
        device.copy(source.address(), from, 1000, stream);
        try (RunCopier copier = device.newRunCopier(RunCopier.WIDE)) {
            copier.flush(stream);
            copier.add(from, to, 500, stream);
            copier.flush(stream);
            copier.add(from + 500, to + 500, 500, stream);
            copier.flush(stream);
        }
        assertThat(read(to, 1000)).isEqualTo(source.bytes());
    }

    @Test
    void aStreamWaitsForAnotherOnesEvent() {
        int rounds = 20;
        long address = allocate(BYTES);
        CudaStream other = newStream();
        CudaEvent written = newEvent();
        CudaEvent read = newEvent();
        List<Host> sources = new ArrayList<>();
        List<Host> copies = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            sources.add(host(randomBytes(BYTES)));
            copies.add(host(BYTES));
        }
        for (int round = 0; round < rounds; round++) {
            device.await(stream, read); // Nothing the first time: it isn't recorded yet.
            device.copy(sources.get(round).address(), address, BYTES, stream);
            device.record(written, stream);
            device.await(other, written);
            device.copy(address, copies.get(round).address(), BYTES, other);
            device.record(read, other);
        }
        device.synchronize(read);
        assertThat(device.complete(read)).isTrue();
        assertThat(device.complete(written)).isTrue();
        for (int round = 0; round < rounds; round++) {
            assertThat(copies.get(round).bytes())
                    .as("round=%d seed=%d", round, seed)
                    .isEqualTo(sources.get(round).bytes());
        }
    }

    @Test
    void awaitingMeansTheRecordingOfThatMoment() {
        Host source = host(randomBytes(BYTES));
        long address = allocate(BYTES);
        CudaStream other = newStream();
        CudaEvent event = newEvent();
        device.record(event, stream);
        device.await(other, event);
        // A later recording behind the other stream: awaiting it would be a deadlock.
        CudaEvent end = newEvent();
        device.copy(source.address(), address, BYTES, other);
        device.record(end, other);
        device.await(stream, end);
        device.record(event, stream);
        device.synchronize(event);
        assertThat(read(address, BYTES)).isEqualTo(source.bytes());
    }

    @Test
    void anUnrecordedEventIsComplete() {
        CudaEvent event = newEvent();
        assertThat(device.complete(event)).isTrue();
        device.synchronize(event);
        device.await(stream, event);
        finish(stream);
    }

    @Test
    void aForeignStreamStaysOpen() {
        device.stream(0).close();
        finish(device.stream(0));
    }

    @Test
    void memoryIsTakenAndGivenBack() {
        long bytes = 64 << 20;
        long before = device.freeBytes();
        long address = device.allocate(bytes);
        assertThat(device.freeBytes()).isLessThanOrEqualTo(before - bytes);
        device.free(address);
        assertThat(device.freeBytes()).isGreaterThan(before - bytes);
    }

    @Test
    void tooMuchMemoryIsRefused() {
        assertThatThrownBy(() -> device.allocate(1L << 50))
                .isInstanceOfSatisfying(
                        KvConnectorException.class,
                        refused ->
                                assertThat(refused.error()).isEqualTo(KvError.NATIVE_CALL_FAILED))
                .hasMessageContaining("OUT_OF_MEMORY");
    }

    @Test
    void itsOwnMemoryIsExportedButNotMapped() {
        long address = allocate(BYTES);
        byte[] handle = device.export(address);
        assertThat(handle).hasSize(64);
        assertThatThrownBy(() -> device.map(handle))
                .isInstanceOfSatisfying(
                        KvConnectorException.class,
                        refused ->
                                assertThat(refused.error()).isEqualTo(KvError.NATIVE_CALL_FAILED));
    }

    @Test
    void aDeviceReachesItself() {
        assertThat(device.uuid()).matches("[0-9a-f]{32}");
        assertThat(device.canReach(device.uuid())).isTrue();
        assertThat(device.canReach("0".repeat(32))).isFalse();
        device.enablePeer(device.uuid());
    }

    @Test
    void anotherThreadAttachesItself() throws InterruptedException {
        Host source = host(randomBytes(BYTES));
        long address = allocate(BYTES);
        CudaEvent end = newEvent();
        Thread thread =
                new Thread(
                        () -> {
                            device.attach();
                            device.copy(source.address(), address, BYTES, stream);
                            device.record(end, stream);
                        });
        thread.start();
        thread.join();
        device.synchronize(end);
        assertThat(read(address, BYTES)).isEqualTo(source.bytes());
    }
}
