// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Promises of NCCL to two ranks on two devices, which one thread drives. */
abstract class NcclContract {

    private static final long PATIENCE_NS = 60_000_000_000L;
    // More than fits into buffers between the two.
    private static final int LARGE = 64 << 20;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private final List<Runnable> undo = new ArrayList<>();
    private Rank a;
    private Rank b;

    /** Opens a device with NCCL on it. */
    abstract Node open(int rank);

    /** Device and library that a subclass gives. */
    record Node(CudaDevice device, NcclLibrary library) {}

    @BeforeEach
    void openBoth() {
        a = new Rank(open(0), 0);
        b = new Rank(open(1), 1);
    }

    @AfterEach
    void closeAll() {
        List<Rank> open = Stream.of(a, b).filter(Objects::nonNull).toList();
        open.forEach(Rank::abortIfLeft);
        open.forEach(Rank::awaitRelease);
        for (int i = undo.size() - 1; i >= 0; i--) {
            undo.get(i).run();
        }
    }

    /** One rank with what a test needs of it. */
    private final class Rank {
        final CudaDevice device;
        final NcclLibrary library;
        final int number;
        final CudaStream stream;
        NcclCommunicator communicator;
        private boolean ended;

        Rank(Node node, int number) {
            device = node.device;
            library = node.library;
            this.number = number;
            device.attach();
            undo.add(device::close);
            stream = device.newStream();
            undo.add(stream::close);
        }

        void init(byte[] id, int channels) {
            device.attach();
            communicator = library.init(id, number, channels);
            ended = false;
        }

        NcclState state() {
            device.attach();
            return communicator.state();
        }

        void abortIfLeft() {
            if (communicator != null && !ended) {
                abort();
            }
        }

        void awaitRelease() {
            if (communicator != null) {
                until("released", communicator::released);
            }
        }

        void abort() {
            device.attach();
            ended = true;
            communicator.abort();
        }

        void destroy() {
            device.attach();
            ended = true;
            communicator.destroy();
        }

        long allocate(int bytes) {
            device.attach();
            long address = device.allocate(bytes);
            undo.add(
                    () -> {
                        device.attach();
                        device.free(address);
                    });
            return address;
        }

        CudaEvent newEvent() {
            device.attach();
            CudaEvent event = device.newEvent();
            undo.add(event::close);
            return event;
        }

        long allocate(byte[] content) {
            long address = allocate(content.length);
            DeviceBytes.write(device, address, content);
            return address;
        }

        byte[] read(long address, int bytes) {
            device.attach();
            return DeviceBytes.read(device, address, bytes);
        }

        void group(Runnable parts) {
            device.attach();
            library.groupStart();
            try {
                parts.run();
            } finally {
                library.groupEnd();
            }
        }

        void send(long address, int bytes) {
            communicator.send(address, bytes, stream);
        }

        void receive(long address, int bytes) {
            communicator.receive(address, bytes, stream);
        }

        CudaEvent recorded() {
            CudaEvent event = newEvent();
            device.record(event, stream);
            return event;
        }

        boolean complete(CudaEvent event) {
            device.attach();
            return device.complete(event);
        }
    }

    private byte[] randomBytes(int bytes) {
        byte[] content = new byte[bytes];
        random.nextBytes(content);
        return content;
    }

    private void until(String what, BooleanSupplier done) {
        long startNs = System.nanoTime();
        while (!done.getAsBoolean()) {
            if (System.nanoTime() - startNs > PATIENCE_NS) {
                throw new AssertionError("never " + what + " seed=" + seed);
            }
            Thread.onSpinWait();
        }
    }

    private void connect(int channels) {
        a.device.attach();
        byte[] id = a.library.newUniqueId();
        a.init(id, channels);
        b.init(id, channels);
        ready();
    }

    private void ready() {
        until("ready", () -> a.state().ready() && b.state().ready());
    }

    private void complete(CudaEvent ofA, CudaEvent ofB) {
        until("complete", () -> a.complete(ofA) && b.complete(ofB));
    }

    /** Sends a little, so that the ranks are connected. */
    private void warmUp() {
        long source = a.allocate(256);
        long destination = b.allocate(256);
        a.group(() -> a.send(source, 256));
        b.group(() -> b.receive(destination, 256));
        ready();
        complete(a.recorded(), b.recorded());
    }

    @Test
    void itHasAVersionAndMakesIds() {
        a.device.attach();
        assertThat(a.library.version()).isGreaterThanOrEqualTo(21800);
        byte[] id = a.library.newUniqueId();
        assertThat(id).hasSize(128);
        assertThat(a.library.newUniqueId()).isNotEqualTo(id);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4})
    void bytesArriveAndNothingElseIsTouched(int channels) {
        connect(channels);
        int bytes = 3_000_001;
        byte[] sent = randomBytes(bytes);
        byte[] expected = randomBytes(bytes);
        long source = a.allocate(sent);
        long destination = b.allocate(expected);
        a.group(() -> a.send(source + 16, bytes - 1000));
        b.group(() -> b.receive(destination + 32, bytes - 1000));
        ready();
        complete(a.recorded(), b.recorded());
        System.arraycopy(sent, 16, expected, 32, bytes - 1000);
        assertThat(b.read(destination, bytes)).isEqualTo(expected);
        assertThat(a.read(source, bytes)).isEqualTo(sent);
    }

    @Test
    void partsOfAGroupMeetInOrder() {
        connect(0);
        int bytes = 100_000;
        int parts = 33;
        byte[] sent = randomBytes(bytes * parts);
        long source = a.allocate(sent);
        long destination = b.allocate(new byte[bytes * parts]);
        a.group(
                () -> {
                    for (int i = 0; i < parts; i++) {
                        a.send(source + (long) i * bytes, bytes);
                    }
                });
        b.group(
                () -> {
                    for (int i = 0; i < parts; i++) {
                        b.receive(destination + (long) i * bytes, bytes);
                    }
                });
        ready();
        complete(a.recorded(), b.recorded());
        assertThat(b.read(destination, sent.length)).isEqualTo(sent);
    }

    @Test
    void groupsFollowEachOther() {
        connect(0);
        int bytes = 1 << 20;
        byte[] sent = randomBytes(bytes * 10);
        long source = a.allocate(sent);
        long destination = b.allocate(new byte[bytes * 10]);
        for (int i = 0; i < 10; i++) {
            long at = (long) i * bytes;
            a.group(() -> a.send(source + at, bytes));
            b.group(() -> b.receive(destination + at, bytes));
            ready(); // Enqueued; the device may be far behind.
        }
        complete(a.recorded(), b.recorded());
        assertThat(b.read(destination, sent.length)).isEqualTo(sent);
    }

    @Test
    void bothSendAtOnce() {
        connect(0);
        int bytes = 8 << 20;
        byte[] ofA = randomBytes(bytes);
        byte[] ofB = randomBytes(bytes);
        long sourceA = a.allocate(ofA);
        long sourceB = b.allocate(ofB);
        long destinationA = a.allocate(bytes);
        long destinationB = b.allocate(bytes);
        a.group(
                () -> {
                    a.send(sourceA, bytes);
                    a.receive(destinationA, bytes);
                });
        b.group(
                () -> {
                    b.send(sourceB, bytes);
                    b.receive(destinationB, bytes);
                });
        ready();
        complete(a.recorded(), b.recorded());
        assertThat(b.read(destinationB, bytes)).isEqualTo(ofA);
        assertThat(a.read(destinationA, bytes)).isEqualTo(ofB);
    }

    @Test
    void whatWaitsForAnEventBeforeIsSentAsItThenIs() {
        connect(0);
        warmUp();
        byte[] content = randomBytes(1 << 20);
        long late = a.allocate(content);
        long source = a.allocate(new byte[content.length]);
        long destination = b.allocate(content.length);
        a.device.attach();
        CudaStream producer = a.device.newStream();
        undo.add(producer::close);
        a.device.copy(late, source, content.length, producer);
        CudaEvent produced = a.newEvent();
        a.device.record(produced, producer);
        a.device.await(a.stream, produced);
        a.group(() -> a.send(source, content.length));
        b.group(() -> b.receive(destination, content.length));
        ready();
        complete(a.recorded(), b.recorded());
        assertThat(b.read(destination, content.length)).isEqualTo(content);
    }

    @Test
    void withoutAPeerInitStaysInProgressUntilAborted() {
        a.device.attach();
        a.init(a.library.newUniqueId(), 0);
        for (int i = 0; i < 1000; i++) {
            assertThat(a.state()).isEqualTo(NcclState.IN_PROGRESS);
        }
        a.abort();
        until("released", a.communicator::released);
    }

    @Test
    void abortEndsWhatTheDeviceRuns() {
        connect(0);
        warmUp();
        byte[] poison = randomBytes(LARGE);
        long source = a.allocate(randomBytes(LARGE));
        long destination = b.allocate(poison);
        a.group(() -> a.send(source, LARGE));
        until("enqueued", () -> a.state().ready());
        CudaEvent end = a.recorded();
        assertThat(a.complete(end)).isFalse();
        a.abort();
        until("quiet", () -> a.complete(end));
        until("released", a.communicator::released);
        assertThatThrownBy(a::state).isInstanceOf(IllegalStateException.class);
        b.abort();
        until("released", b.communicator::released);
        assertThat(b.read(destination, LARGE)).isEqualTo(poison);
    }

    @Test
    void abortEndsAReceiveWhoseSenderHasGone() {
        connect(0);
        warmUp();
        byte[] poison = randomBytes(LARGE);
        long destination = b.allocate(poison);
        a.abort();
        b.group(() -> b.receive(destination, LARGE));
        until("enqueued", () -> b.state().ready());
        CudaEvent end = b.recorded();
        assertThat(b.complete(end)).isFalse();
        b.abort();
        until("quiet", () -> b.complete(end));
        until("released", () -> a.communicator.released() && b.communicator.released());
        assertThat(b.read(destination, LARGE)).isEqualTo(poison);
    }

    @Test
    void abortEndsAGroupThatWaitsForItsFirstConnection() {
        connect(0);
        long source = a.allocate(1 << 20);
        a.group(() -> a.send(source, 1 << 20));
        for (int i = 0; i < 1000; i++) {
            assertThat(a.state()).isEqualTo(NcclState.IN_PROGRESS);
        }
        a.abort();
        until("released", a.communicator::released);
        CudaEvent end = a.recorded();
        until("quiet", () -> a.complete(end));
    }

    @Test
    void communicatorsComeAndGoWithoutLosingMemory() {
        List<Long> free = new ArrayList<>();
        for (int round = 0; round < 4; round++) {
            connect(0);
            warmUp();
            a.destroy();
            b.destroy();
            until("released", () -> a.communicator.released() && b.communicator.released());
            a.device.attach();
            free.add(a.device.freeBytes());
        }
        // The first one may leave something for the next ones.
        assertThat(free.get(3)).isGreaterThan(free.get(1) - (32 << 20));
    }

    @Test
    void anotherCommunicatorWorksAfterAnAbort() {
        connect(0);
        a.abort();
        b.abort();
        until("released", () -> a.communicator.released() && b.communicator.released());
        connect(0);
        warmUp();
    }
}
