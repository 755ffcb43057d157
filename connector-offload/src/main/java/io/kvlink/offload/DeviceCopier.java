// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.offload.BlockMoves.Move;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.util.List;

/**
 * Lets the copy engine copy, on a stream for each direction, tied to the engine's stream by events.
 * No thread waits before {@link #close}.
 *
 * <p>A kept block may be given to another save as soon as the load from it is enqueued and joined.
 * The other save follows what the engine enqueued after the load, and so the load itself.
 */
final class DeviceCopier implements KvCopier {

    private final CopyDevice device;
    private final long engine;
    private final long loads;
    private final long saves;
    // Recorded again and again: a wait is for the event as it was when it was enqueued.
    private final long computed;
    private final long loaded;
    private final long saved;

    /**
     * A copier.
     *
     * @param device attached to the calling thread; closed by this
     * @param engine the engine's stream there
     */
    DeviceCopier(CopyDevice device, KvDevice engine) {
        this.device = device;
        this.engine = engine.stream();
        loads = device.newStream();
        saves = device.newStream();
        computed = device.newEvent();
        loaded = device.newEvent();
        saved = device.newEvent();
    }

    @Override
    public boolean accepts(MemoryRegion layer) {
        return layer.kind() == MemoryKind.DEVICE && layer.device() == device.ordinal();
    }

    // What is enqueued may still read the blocks for their former owner, or save what is loaded.
    @Override
    public void beginLoads() {
        device.attach();
        device.record(computed, engine);
        device.await(loads, computed);
    }

    @Override
    public void load(MemoryRegion layer, MemoryRegion block, List<Move> moves) {
        for (Move move : moves) {
            long to = layer.address() + move.inEngine();
            device.copy(to, block.address() + move.inBlock(), move.bytes(), loads);
        }
    }

    @Override
    public void joinLoads() {
        device.record(loaded, loads);
        device.await(engine, loaded);
    }

    @Override
    public void beginSaves() {
        device.attach();
        device.record(computed, engine);
        device.await(saves, computed);
    }

    @Override
    public void save(MemoryRegion layer, MemoryRegion block, List<Move> moves) {
        for (Move move : moves) {
            long from = layer.address() + move.inEngine();
            device.copy(block.address() + move.inBlock(), from, move.bytes(), saves);
        }
    }

    // The engine may overwrite its blocks then.
    @Override
    public void joinSaves() {
        device.record(saved, saves);
        device.await(engine, saved);
    }

    @Override
    public void close() {
        device.attach();
        device.synchronize(saves);
        device.synchronize(loads);
        device.destroyEvent(saved);
        device.destroyEvent(loaded);
        device.destroyEvent(computed);
        device.destroyStream(saves);
        device.destroyStream(loads);
        device.close();
    }
}
