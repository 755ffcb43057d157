// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.FakeProcess;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * An engine of a test: a fake process with a GPU and a plane. A real process lives and dies in its
 * place, for peers to see.
 */
public final class GpuNode {

    private static final byte NEVER_WRITTEN = (byte) 0xcd;
    private static final int GAP = 64;

    public final FakeProcess process;
    public final CudaDevice device;
    public final MemoryRegion arena;
    final ProcessIdentity identity;

    /** Stream on which the engine computes. */
    public final CudaStream engine;

    private final Process standIn;
    private final boolean ownProcess;
    private final int arenaBytes;
    private final List<Long> allocated = new ArrayList<>();
    private final List<Long> locked = new ArrayList<>();
    private final List<CudaEvent> events = new ArrayList<>();
    private final List<MemoryRegion> reserved = new ArrayList<>();
    private final Random random;
    private int arenaUsed = GAP;

    /** Set by the fixture, which opens planes. */
    public GpuPlane plane;

    /** Endpoint at which peers find the node, if not its own plane's. */
    public String foundAt = "";

    public boolean killed;

    /** True if the node's context is lost: calls of CUDA fail, and nothing can be given back. */
    boolean broken;

    /** A process of its own. */
    GpuNode(FakeProcess process, int gpu, Random random, int arenaBytes) {
        this(process, gpu, random, start(), null, arenaBytes);
    }

    /** Another GPU of a node's process. */
    GpuNode(GpuNode sibling, int gpu) {
        this(
                sibling.process,
                gpu,
                sibling.random,
                sibling.standIn,
                sibling.identity,
                sibling.arenaBytes);
    }

    private GpuNode(
            FakeProcess process,
            int gpu,
            Random random,
            Process standIn,
            ProcessIdentity identity,
            int arenaBytes) {
        this.process = process;
        this.random = random;
        this.standIn = standIn;
        this.arenaBytes = arenaBytes;
        this.ownProcess = identity == null;
        this.identity = ownProcess ? ProcessIdentity.of(standIn.pid()) : identity;
        device = process.open(gpu);
        long address = device.allocate(arenaBytes);
        allocated.add(address);
        arena = MemoryRegion.ofDevice(gpu, address, arenaBytes);
        engine = device.newStream();
    }

    private static Process start() {
        try {
            return new ProcessBuilder("sleep", "600").start();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** A part of the arena, at an odd address and with a gap on either side. */
    MemoryRegion reserve(int bytes) {
        int start = arenaUsed + random.nextInt(GAP);
        arenaUsed = start + bytes + GAP;
        MemoryRegion region = arena.slice(start, bytes);
        reserved.add(region);
        return region;
    }

    String endpoint() {
        return foundAt.isEmpty() ? plane.endpoint() : foundAt;
    }

    /** Somebody has rightly written there. */
    public void forgive(MemoryRegion region) {
        reserved.add(region);
    }

    /** Pinned host memory. */
    MemoryRegion pinned(int bytes) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes);
        long address = device.pageLocker().lock(buffer);
        locked.add(address);
        return MemoryRegion.ofPinned(buffer, address);
    }

    /** Memory for so many bytes, in runs of random sizes that aren't neighbours. */
    List<MemoryRegion> scattered(int bytes, int runs, boolean pinned) {
        int[] cuts = random.ints(runs - 1L, 1, Math.max(2, bytes)).sorted().distinct().toArray();
        List<MemoryRegion> regions = new ArrayList<>();
        int space = bytes + (cuts.length + 1) * GAP;
        MemoryRegion all = pinned ? pinned(space) : allocate(space);
        int at = 0;
        int start = 0;
        for (int i = 0; i <= cuts.length; i++) {
            int end = i == cuts.length ? bytes : cuts[i];
            at += 1 + random.nextInt(GAP - 1);
            if (end > start) {
                regions.add(all.slice(at, end - start));
            }
            at += end - start;
            start = end;
        }
        return regions;
    }

    MemoryRegion allocate(int bytes) {
        long address = device.allocate(bytes);
        allocated.add(address);
        return MemoryRegion.ofDevice(device.ordinal(), address, bytes);
    }

    CudaEvent newEvent() {
        CudaEvent event = device.newEvent();
        events.add(event);
        return event;
    }

    void closeEvent(CudaEvent event) {
        if (events.remove(event)) {
            event.close();
        }
    }

    byte[] read(MemoryRegion region) {
        return process.read(region.address(), (int) region.bytes());
    }

    /** Gives back what {@link #scattered} took: whoever touches it then breaks its process. */
    void discard(List<MemoryRegion> regions) {
        MemoryRegion first = regions.get(0);
        if (broken) {
            return;
        }
        if (first.kind() == MemoryKind.PINNED) {
            Long start =
                    locked.stream().filter(each -> holds(each, first)).max(Long::compare).get();
            locked.remove(start);
            device.pageLocker().unlock(start);
        } else {
            Long start =
                    allocated.stream().filter(each -> holds(each, first)).max(Long::compare).get();
            allocated.remove(start);
            device.free(start);
        }
    }

    private static boolean holds(long start, MemoryRegion region) {
        return start <= region.address();
    }

    void fill(MemoryRegion region, byte value) {
        process.poison(region.address(), (int) region.bytes(), value);
    }

    void write(List<MemoryRegion> regions, byte[] content) {
        int start = 0;
        for (MemoryRegion region : regions) {
            int end = start + (int) region.bytes();
            process.write(region.address(), Arrays.copyOfRange(content, start, end));
            start = end;
        }
    }

    /** Ends the process that peers see, and waits until the kernel shows it as ended. */
    void vanish() {
        if (killed) {
            process.kill(); // Its GPUs run no more of what it had.
        }
        standIn.destroyForcibly();
        try {
            standIn.waitFor();
        } catch (InterruptedException cause) {
            throw new IllegalStateException(cause);
        }
    }

    /** Checks that nothing was written around what was reserved. */
    void checkArena() {
        byte[] all = process.read(arena.address(), arenaBytes);
        for (MemoryRegion region : reserved) {
            int start = (int) (region.address() - arena.address());
            Arrays.fill(all, start, start + (int) region.bytes(), NEVER_WRITTEN);
        }
        byte[] untouched = new byte[arenaBytes];
        Arrays.fill(untouched, NEVER_WRITTEN);
        assertThat(Arrays.mismatch(all, untouched)).as("written in the arena at").isEqualTo(-1);
    }

    /** Gives back what the test has taken. */
    void release() {
        if (!killed && !broken && process.alive()) {
            List.copyOf(events).forEach(this::closeEvent);
            engine.close();
            allocated.forEach(device::free);
            locked.forEach(device.pageLocker()::unlock);
        }
        if (ownProcess) {
            vanish();
        }
    }
}
