// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * One connector's copies, in the order that the engine's stream asks for. On the host each is done
 * when it is asked for; on a device they run on a stream of the connector's own.
 */
final class MemoryCopies {

    private final Optional<FakeDevice> device;
    private final Optional<FakeDevice.Stream> engine;
    private final Optional<FakeDevice.Stream> own;
    private final Fault fault;

    MemoryCopies(FakeDevice device, Optional<KvDevice> where, Fault fault) {
        this.device = where.map(any -> device);
        this.engine = where.map(there -> device.stream(there.stream()));
        this.own = engine.map(device::newStream);
        this.fault = fault;
    }

    ByteBuffer bytes(MemoryRegion region) {
        return device.map(there -> there.bytes(region)).orElseGet(region::buffer);
    }

    /** Event behind all that the engine has computed so far. */
    Optional<FakeDevice.Event> computed() {
        return fault == Fault.SENDS_BEFORE_THE_STREAM
                ? Optional.empty()
                : engine.map(FakeDevice.Stream::record);
    }

    /** Takes bytes from the blocks. */
    void send(Optional<FakeDevice.Event> after, Runnable copy) {
        run(after, copy);
    }

    /** Brings bytes into the blocks: after what the engine did, before what it does next. */
    void load(Optional<FakeDevice.Event> sent, Runnable copy) {
        if (fault != Fault.LOADS_BEFORE_THE_STREAM) {
            own.ifPresent(stream -> stream.await(engine.orElseThrow().record()));
        }
        run(sent, copy);
        if (fault != Fault.LETS_THE_STREAM_READ_EARLY) {
            own.ifPresent(stream -> engine.orElseThrow().await(stream.record()));
        }
    }

    /** The end of what was asked for up to here. */
    Optional<FakeDevice.Event> end() {
        return own.map(FakeDevice.Stream::record);
    }

    boolean reached(Optional<FakeDevice.Event> event) {
        return event.isEmpty() || device.orElseThrow().reached(event.get());
    }

    private void run(Optional<FakeDevice.Event> after, Runnable copy) {
        if (own.isPresent()) {
            after.ifPresent(own.get()::await);
            own.get().copy(copy);
        } else {
            copy.run();
        }
    }
}
