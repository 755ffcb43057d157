// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.RunCopier;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * Enqueues copies on streams of its own and ties them to the engine's stream by events. So neither
 * thread nor stream waits longer than it must.
 */
final class DeviceMover implements KvMover {

    // A copy by the engine takes 3 to 5 us to enqueue, whatever its size. Within the device a
    // kernel
    // is faster anyway, but takes the engine's compute units; to the host the engine is.
    private static final long LONG_BYTES_ON_DEVICE = 1 << 20;
    private static final long LONG_BYTES_TO_HOST = 256 << 10;
    private static final int MANY_RUNS = 32;

    private final CudaDevice device;
    private final CudaStream engine;
    private final CudaStream loads;
    private final CudaStream saves;
    private final CudaEvent loadsBegin;
    private final CudaEvent loadsEnd;
    private final CudaEvent savesEnd;
    private final RunCopier copier;
    private final RunCopier background;
    private final EventPool points;

    /**
     * A mover.
     *
     * @param device where; borrowed until {@link #close}, and attached to the calling thread
     * @param engine the engine's stream there
     */
    DeviceMover(CudaDevice device, KvDevice engine) {
        this.device = device;
        this.engine = device.stream(engine.stream());
        loads = device.newStream();
        saves = device.newStream();
        loadsBegin = device.newEvent();
        loadsEnd = device.newEvent();
        savesEnd = device.newEvent();
        copier = device.newRunCopier(RunCopier.WIDE);
        background = device.newRunCopier(RunCopier.NARROW);
        points = new EventPool(device);
    }

    @Override
    public boolean accepts(MemoryRegion layer) {
        return layer.kind() == MemoryKind.DEVICE && layer.device() == device.ordinal();
    }

    @Override
    public void attach() {
        device.attach();
    }

    @Override
    public boolean enqueues() {
        return true;
    }

    // What is enqueued may still read the blocks for their former owner.
    @Override
    public void beginLoads() {
        device.record(loadsBegin, engine);
        device.await(loads, loadsBegin);
    }

    @Override
    public void load(
            List<MemoryRegion> source,
            MemoryRegion layer,
            List<KvLayout.Run> runs,
            boolean moreToCome) {
        boolean pinned = source.get(0).kind() == MemoryKind.PINNED;
        boolean many = !pinned && runs.size() > MANY_RUNS;
        long longBytes = many ? Long.MAX_VALUE : longBytes(source.get(0));
        int next = 0;
        long from = source.get(0).address();
        long left = source.get(0).bytes();
        for (KvLayout.Run run : runs) {
            long to = layer.address() + run.offset();
            for (long bytes = run.bytes(); bytes > 0; ) {
                if (left == 0) {
                    next++;
                    from = source.get(next).address();
                    left = source.get(next).bytes();
                }
                long count = Math.min(left, bytes);
                if (moreToCome && !pinned && count >= longBytes) {
                    background.add(from, to, count, loads);
                    background.flush(loads);
                } else {
                    copy(from, to, count, longBytes, loads);
                }
                from += count;
                left -= count;
                to += count;
                bytes -= count;
            }
        }
    }

    // From so many bytes the engine copies a run from or to that memory.
    private static long longBytes(MemoryRegion memory) {
        return memory.kind() == MemoryKind.PINNED ? LONG_BYTES_TO_HOST : LONG_BYTES_ON_DEVICE;
    }

    private void copy(long from, long to, long bytes, long longBytes, CudaStream stream) {
        if (bytes < longBytes) {
            copier.add(from, to, bytes, stream);
        } else {
            device.copy(from, to, bytes, stream);
        }
    }

    @Override
    public void joinLoads() {
        copier.flush(loads);
        device.record(loadsEnd, loads);
        device.await(engine, loadsEnd);
    }

    @Override
    public void awaitLoads() {
        device.synchronize(loadsEnd);
    }

    @Override
    public void save(int number, MemoryRegion layer, List<Save> all) {
        List<Save> copied = new ArrayList<>(0);
        EventPool.Point computed = points.take();
        device.record(computed.event(), engine);
        for (Save save : all) {
            if (save.kv().ended()) {
                continue;
            }
            if (!save.kv().copied()) {
                List<MemoryRegion> blocks = KvCopies.parts(layer, save.runs());
                save.kv().save(number, save.chunk(), blocks, save.bytes(), computed.retain());
            } else {
                copied.add(save);
            }
        }
        if (!copied.isEmpty()) {
            device.await(saves, computed.event());
            copyOut(number, layer, copied);
        }
        computed.release();
    }

    private void copyOut(int number, MemoryRegion layer, List<Save> all) {
        for (Save save : all) {
            MemoryRegion lease = save.held(number);
            long to = lease.address();
            boolean many = save.runs().size() > MANY_RUNS;
            long longBytes = many ? Long.MAX_VALUE : longBytes(lease);
            for (KvLayout.Run run : save.runs()) {
                copy(layer.address() + run.offset(), to, run.bytes(), longBytes, saves);
                to += run.bytes();
            }
        }
        copier.flush(saves);
        EventPool.Point complete = points.take();
        device.record(complete.event(), saves);
        device.record(savesEnd, saves);
        for (Save save : all) {
            List<MemoryRegion> source = List.of(save.held(number));
            save.kv().save(number, save.chunk(), source, save.bytes(), complete.retain());
        }
        complete.release();
    }

    @Override
    public void joinSaves() {
        device.await(engine, savesEnd);
    }

    @Override
    public boolean savesCopied() {
        return device.complete(savesEnd);
    }

    @Override
    public void awaitSaves() {
        device.synchronize(savesEnd);
    }

    @Override
    public void close() {
        device.attach();
        points.close();
        background.close();
        copier.close();
        savesEnd.close();
        loadsEnd.close();
        loadsBegin.close();
        saves.close();
        loads.close();
    }
}
