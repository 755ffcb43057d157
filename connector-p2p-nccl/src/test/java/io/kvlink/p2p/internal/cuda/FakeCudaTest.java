// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvConnectorException;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The rules of the fake that a single device has not. */
class FakeCudaTest {

    private final FakeCuda cuda = new FakeCuda(2, System.nanoTime());
    private final FakeProcess p = cuda.newProcess();
    private final FakeProcess d = cuda.newProcess();

    @Test
    void nothingRunsUntilItIsStepped() {
        CudaDevice device = p.open(0);
        long from = device.allocate(4);
        long to = device.allocate(4);
        p.write(from, new byte[] {1, 2, 3, 4});
        p.poison(to, 4, 0x77);
        device.copy(from, to, 4, device.newStream());
        assertThat(p.read(to, 4)).containsOnly(0x77);
        assertThat(cuda.step()).isTrue();
        assertThat(p.read(to, 4)).containsExactly(1, 2, 3, 4);
        assertThat(cuda.step()).isFalse();
    }

    @Test
    void aPollMayRunSomething() {
        CudaDevice device = p.open(0);
        CudaStream stream = device.newStream();
        CudaEvent event = device.newEvent();
        device.record(event, stream);
        assertThat(device.complete(event)).isFalse();
        cuda.stepsPerPoll(2);
        assertThat(device.complete(event)).isTrue();
    }

    @Test
    void streamsRunInAnyOrderWithoutAnEvent() {
        Set<Byte> seen = new HashSet<>();
        for (long seed = 0; seed < 50; seed++) {
            FakeCuda machine = new FakeCuda(1, seed);
            FakeProcess process = machine.newProcess();
            CudaDevice device = process.open(0);
            long address = device.allocate(3);
            process.write(address, new byte[] {1, 2, 3});
            device.copy(address, address + 2, 1, device.newStream());
            device.copy(address + 1, address + 2, 1, device.newStream());
            machine.runAll();
            seen.add(process.read(address, 3)[2]);
        }
        assertThat(seen).containsExactlyInAnyOrder((byte) 1, (byte) 2);
    }

    @Test
    void anotherProcessWritesIntoMappedMemory() {
        CudaDevice sender = p.open(0);
        CudaDevice receiver = d.open(1);
        long arena = receiver.allocate(8);
        d.poison(arena, 8, 0);
        long source = sender.allocate(4);
        p.write(source, new byte[] {1, 2, 3, 4});
        long mapped = sender.map(receiver.export(arena));
        assertThat(mapped).isNotEqualTo(arena);
        sender.copy(source, mapped + 2, 4, sender.newStream());
        try (RunCopier copier = sender.newRunCopier(RunCopier.WIDE)) {
            CudaStream stream = sender.newStream();
            copier.add(source, mapped + 6, 2, stream);
            copier.flush(stream);
        }
        cuda.runAll();
        assertThat(d.read(arena, 8)).containsExactly(0, 0, 1, 2, 3, 4, 1, 2);
        assertThat(p.mappings()).isOne();
        sender.unmap(mapped);
        assertThat(p.mappings()).isZero();
    }

    @Test
    void aHandleMappedTwiceIsUnmappedTwice() {
        CudaDevice sender = p.open(0);
        CudaDevice receiver = d.open(1);
        byte[] handle = receiver.export(receiver.allocate(8));
        long mapped = sender.map(handle);
        assertThat(sender.map(handle)).isEqualTo(mapped);
        sender.unmap(mapped);
        assertThat(p.read(mapped, 8)).hasSize(8);
        sender.unmap(mapped);
        assertThatThrownBy(() -> sender.unmap(mapped)).isInstanceOf(KvConnectorException.class);
    }

    @Test
    void memoryUnmappedBeforeACopyRunsBreaksTheProcess() {
        CudaDevice sender = p.open(0);
        CudaDevice receiver = d.open(1);
        long source = sender.allocate(4);
        long mapped = sender.map(receiver.export(receiver.allocate(4)));
        sender.copy(source, mapped, 4, sender.newStream());
        sender.unmap(mapped);
        assertThatThrownBy(cuda::step)
                .isInstanceOf(KvConnectorException.class)
                .hasMessageContaining("ILLEGAL_ADDRESS")
                .hasMessageContaining("0x%x".formatted(mapped));
        assertThatThrownBy(sender::newEvent)
                .isInstanceOf(KvConnectorException.class)
                .hasMessageContaining("sticky");
        assertThat(cuda.failures()).hasSize(1);
        receiver.newEvent();
    }

    @Test
    void freedMemoryIsGoneForThoseWhoMappedIt() {
        CudaDevice sender = p.open(0);
        CudaDevice receiver = d.open(1);
        long arena = receiver.allocate(4);
        long mapped = sender.map(receiver.export(arena));
        receiver.free(arena);
        assertThatThrownBy(() -> p.read(mapped, 4)).hasMessageContaining("freed by its owner");
    }

    @Test
    void addressesOfAnotherProcessMeanNothing() {
        long arena = d.open(1).allocate(4);
        assertThatThrownBy(() -> p.read(arena, 4)).hasMessageContaining("nothing there");
        assertThatThrownBy(() -> d.read(arena, 5)).hasMessageContaining("past the end");
    }

    @Test
    void aKilledProcessRunsNothingMore() {
        CudaDevice sender = p.open(0);
        CudaDevice receiver = d.open(1);
        long arena = receiver.allocate(4);
        d.poison(arena, 4, 9);
        long mapped = sender.map(receiver.export(arena));
        sender.copy(sender.allocate(4), mapped, 4, sender.newStream());
        long before = receiver.freeBytes();
        p.kill();
        cuda.runAll();
        assertThat(d.read(arena, 4)).containsOnly(9);
        assertThat(p.alive()).isFalse();
        assertThat(p.leaks()).isEmpty();
        assertThat(receiver.freeBytes()).isEqualTo(before);
        assertThatThrownBy(sender::newEvent).hasMessageContaining("KILLED");
    }

    @Test
    void aKilledProcessMayStillWrite() {
        CudaDevice sender = p.open(0);
        CudaDevice receiver = d.open(1);
        long arena = receiver.allocate(4);
        d.poison(arena, 4, 9);
        long source = sender.allocate(4);
        p.write(source, new byte[] {1, 2, 3, 4});
        long mapped = sender.map(receiver.export(arena));
        CudaStream stream = sender.newStream();
        for (int i = 0; i < 4; i++) {
            sender.copy(source + i, mapped + i, 1, stream);
        }
        p.kill(2);
        assertThat(d.read(arena, 4)).containsOnly(9);
        cuda.runAll();
        assertThat(d.read(arena, 4)).containsExactly(1, 2, 9, 9);
        assertThat(p.alive()).isFalse();
    }

    @Test
    void memoryOfAKilledProcessStaysWhereItIsMapped() {
        CudaDevice sender = p.open(0);
        CudaDevice receiver = d.open(1);
        long arena = receiver.allocate(1 << 20);
        CudaDevice other = p.open(1);
        long free = other.freeBytes();
        long mapped = sender.map(receiver.export(arena));
        d.kill();
        assertThat(p.read(mapped, 4)).hasSize(4);
        assertThat(other.freeBytes()).isEqualTo(free);
        sender.unmap(mapped);
        assertThat(other.freeBytes()).isEqualTo(free + (1 << 20));
    }

    @Test
    void orItGoesWithItsProcess() {
        cuda.mappedMemoryDiesWithOwner(true);
        CudaDevice sender = p.open(0);
        CudaDevice receiver = d.open(1);
        long mapped = sender.map(receiver.export(receiver.allocate(4)));
        d.kill();
        assertThatThrownBy(() -> p.read(mapped, 4)).hasMessageContaining("freed by its owner");
        sender.unmap(mapped);
    }

    @Test
    void waitingForWhatNeverComesIsADeadlock() {
        CudaDevice device = p.open(0);
        CudaStream stream = device.newStream();
        CudaEvent event = device.newEvent();
        synchronized (cuda.lock) {
            ((FakeStream) stream).add(new Never());
        }
        device.record(event, stream);
        assertThatThrownBy(() -> device.synchronize(event)).hasMessageContaining("deadlock");
    }

    @Test
    void aKernelNeedsThePeerEnabled() {
        CudaDevice first = p.open(0);
        CudaDevice second = p.open(1);
        long from = first.allocate(4);
        long to = second.allocate(4);
        CudaStream stream = first.newStream();
        first.enablePeer(second.uuid());
        try (RunCopier copier = first.newRunCopier(RunCopier.WIDE)) {
            copier.add(from, to, 4, stream);
            copier.flush(stream);
            cuda.runAll();
        }
        CudaStream back = second.newStream();
        try (RunCopier copier = second.newRunCopier(RunCopier.WIDE)) {
            copier.add(to, from, 4, back);
            copier.flush(back);
        }
        assertThatThrownBy(cuda::step).hasMessageContaining("not this GPU's");
    }

    @Test
    void gpusWithoutAPath() {
        cuda.cut(0, 1);
        CudaDevice sender = p.open(0);
        CudaDevice receiver = d.open(1);
        assertThat(sender.canReach(receiver.uuid())).isFalse();
        byte[] handle = receiver.export(receiver.allocate(4));
        assertThatThrownBy(() -> sender.map(handle)).hasMessageContaining("PEER_ACCESS");
        assertThatThrownBy(() -> sender.enablePeer(receiver.uuid()))
                .hasMessageContaining("PEER_ACCESS");
    }

    @Test
    void aPlannedFailureHappensOnce() {
        CudaDevice device = p.open(0);
        p.failLater("newEvent", 1);
        device.newEvent().close();
        assertThatThrownBy(device::newEvent)
                .isInstanceOf(KvConnectorException.class)
                .hasMessageContaining("newEvent");
        device.newEvent().close();
    }

    @Test
    void whatIsOpenIsCounted() {
        CudaDevice device = p.open(0);
        CudaStream stream = device.newStream();
        CudaEvent event = device.newEvent();
        long address = device.allocate(1);
        assertThat(p.leaks()).isEqualTo("streams=1 events=1 allocations=1 mappings=0 locks=0");
        stream.close();
        event.close();
        device.free(address);
        assertThat(p.leaks()).isEmpty();
        assertThatThrownBy(stream::close).hasMessageContaining("INVALID_HANDLE");
        assertThatThrownBy(event::close).hasMessageContaining("INVALID_HANDLE");
        assertThatThrownBy(() -> device.free(address)).hasMessageContaining("INVALID_VALUE");
    }

    @Test
    void aThreadAttachesFirst() throws InterruptedException {
        CudaDevice device = p.open(0);
        Throwable[] seen = new Throwable[1];
        Thread thread = new Thread(device::newEvent);
        thread.setUncaughtExceptionHandler((ignored, cause) -> seen[0] = cause);
        thread.start();
        thread.join();
        assertThat(seen[0]).hasMessageContaining("INVALID_CONTEXT");
    }

    private record Never() implements FakeStream.Operation {
        @Override
        public boolean ready() {
            return false;
        }

        @Override
        public boolean run() {
            return true;
        }
    }
}
