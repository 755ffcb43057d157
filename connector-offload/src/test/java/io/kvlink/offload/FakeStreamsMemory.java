// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.tck.KvMemory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Memory of a fake engine on a {@link FakeStreams}. */
final class FakeStreamsMemory implements KvMemory {

    private final FakeStreams device;

    FakeStreamsMemory(FakeStreams device) {
        this.device = device;
    }

    @Override
    public Optional<KvDevice> device() {
        return Optional.of(new KvDevice(0, FakeStreams.ENGINE));
    }

    @Override
    public List<MemoryRegion> allocate(int regions, long bytes) {
        List<MemoryRegion> all = new ArrayList<>();
        for (int i = 0; i < regions; i++) {
            long address = device.place(ByteBuffer.allocate(Math.toIntExact(bytes)));
            all.add(MemoryRegion.ofDevice(0, address, bytes));
        }
        return all;
    }

    @Override
    public void write(MemoryRegion region, List<Run> runs, byte[] content) {
        byte[] copy = content.clone();
        device.enqueue(
                FakeStreams.ENGINE,
                () -> {
                    ByteBuffer to = device.bytes(region.address(), region.bytes());
                    int at = 0;
                    for (Run run : runs) {
                        int bytes = Math.toIntExact(run.bytes());
                        to.put(Math.toIntExact(run.offset()), copy, at, bytes);
                        at += bytes;
                    }
                });
    }

    @Override
    public Supplier<byte[]> read(MemoryRegion region) {
        byte[] seen = new byte[Math.toIntExact(region.bytes())];
        device.enqueue(
                FakeStreams.ENGINE,
                () -> device.bytes(region.address(), region.bytes()).get(0, seen));
        return () -> {
            device.synchronize(FakeStreams.ENGINE);
            return seen;
        };
    }

    @Override
    public void delay() {}

    @Override
    public void close() {
        device.synchronize(FakeStreams.ENGINE);
        if (!device.clean()) {
            throw new IllegalStateException("the connector left streams, events or locked memory");
        }
    }
}
