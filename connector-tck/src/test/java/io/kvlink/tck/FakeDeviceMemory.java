// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** An engine's KV on the fake device, with a stream of its own. */
final class FakeDeviceMemory implements KvMemory {

    private final FakeDevice device;
    private final FakeDevice.Stream stream;

    FakeDeviceMemory(FakeDevice device) {
        this.device = device;
        this.stream = device.newStream();
    }

    @Override
    public Optional<KvDevice> device() {
        return Optional.of(new KvDevice(0, stream.handle()));
    }

    @Override
    public List<MemoryRegion> allocate(int regions, long bytes) {
        List<MemoryRegion> allocated = new ArrayList<>();
        for (int i = 0; i < regions; i++) {
            allocated.add(device.allocate(bytes));
        }
        return allocated;
    }

    @Override
    public void write(MemoryRegion region, List<Run> runs, byte[] content) {
        byte[] taken = content.clone();
        stream.run(
                () -> {
                    ByteBuffer memory = device.bytes(region);
                    int at = 0;
                    for (Run run : runs) {
                        int bytes = Math.toIntExact(run.bytes());
                        memory.put(Math.toIntExact(run.offset()), taken, at, bytes);
                        at += bytes;
                    }
                });
    }

    @Override
    public Supplier<byte[]> read(MemoryRegion region) {
        byte[] bytes = new byte[Math.toIntExact(region.bytes())];
        stream.run(() -> device.bytes(region).get(bytes));
        FakeDevice.Event read = stream.record();
        return () -> {
            device.synchronize(read);
            return bytes;
        };
    }

    @Override
    public void delay() {
        stream.slowDown();
    }

    @Override
    public void close() {
        device.synchronize(stream.record());
    }
}
