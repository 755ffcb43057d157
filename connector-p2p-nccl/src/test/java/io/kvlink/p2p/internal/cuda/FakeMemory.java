// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.spi.KvConnectorException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;

/**
 * All memory of a machine, by address. Each process has its own range of addresses, and no two
 * pieces are neighbours, so that an address of another process or past an end is always caught.
 * Under the machine's lock.
 */
final class FakeMemory {

    private static final int HANDLE_BYTES = 64;
    private static final long PROCESS_RANGE = 1L << 40;
    private static final long ALIGNMENT = 1L << 21;
    private static final byte NEVER_WRITTEN = (byte) 0xcd;

    private final long[] usedBytes;
    private final TreeMap<Long, Piece> pieces = new TreeMap<>();
    private final Map<ByteBuffer, Backing> exported = new HashMap<>();
    private final Map<FakeProcess, Long> nextAddress = new HashMap<>();
    private final Map<Taken, Long> taken = new HashMap<>();
    private long lastHandle;
    boolean mappedDiesWithOwner;

    FakeMemory(int gpus) {
        usedBytes = new long[gpus];
    }

    enum Kind {
        DEVICE,
        MAPPED,
        HOST
    }

    /** Bytes that are somewhere. */
    private static final class Backing {
        final FakeProcess owner;
        final int gpu;
        final ByteBuffer bytes;
        int mappings;
        boolean ownerGone;
        boolean gone;

        Backing(FakeProcess owner, int gpu, ByteBuffer bytes) {
            this.owner = owner;
            this.gpu = gpu;
            this.bytes = bytes;
        }
    }

    /** A process's view of a backing. */
    private static final class Piece {
        final FakeProcess process;
        final Kind kind;
        final int gpu;
        final long address;
        final Backing backing;
        int opened = 1;

        Piece(FakeProcess process, Kind kind, int gpu, long address, Backing backing) {
            this.process = process;
            this.kind = kind;
            this.gpu = gpu;
            this.address = address;
            this.backing = backing;
        }
    }

    private Piece add(FakeProcess process, Kind kind, int gpu, Backing backing) {
        long address = nextAddress.getOrDefault(process, (process.number + 1) * PROCESS_RANGE);
        long end = address + backing.bytes.capacity();
        nextAddress.put(process, (end / ALIGNMENT + 2) * ALIGNMENT);
        Piece piece = new Piece(process, kind, gpu, address, backing);
        pieces.put(address, piece);
        return piece;
    }

    long freeBytes(int gpu) {
        return FakeCuda.GPU_BYTES - usedBytes[gpu];
    }

    /** Takes memory that nobody addresses, as a library does for itself; or gives it back. */
    void take(FakeProcess process, int gpu, long bytes) {
        usedBytes[gpu] += bytes;
        taken.merge(new Taken(process, gpu), bytes, Long::sum);
    }

    private record Taken(FakeProcess process, int gpu) {}

    long allocate(FakeProcess process, int gpu, long bytes) {
        if (bytes < 1 || bytes > freeBytes(gpu)) {
            throw FakeCuda.failure("allocate", "FAKE_OUT_OF_MEMORY", "bytes=" + bytes);
        }
        byte[] array = new byte[Math.toIntExact(bytes)];
        Arrays.fill(array, NEVER_WRITTEN);
        usedBytes[gpu] += bytes;
        Backing backing = new Backing(process, gpu, ByteBuffer.wrap(array));
        return add(process, Kind.DEVICE, gpu, backing).address;
    }

    void free(FakeProcess process, long address) {
        Piece piece = removed(process, Kind.DEVICE, address, "free");
        release(piece.backing);
    }

    long lock(FakeProcess process, ByteBuffer memory) {
        if (!memory.isDirect()) {
            throw new IllegalArgumentException("not a direct buffer: " + memory);
        }
        return add(process, Kind.HOST, -1, new Backing(process, -1, memory.slice())).address;
    }

    void unlock(FakeProcess process, long address) {
        removed(process, Kind.HOST, address, "unlock");
    }

    byte[] export(FakeProcess process, long address) {
        Backing backing = piece(process, Kind.DEVICE, address, "export").backing;
        byte[] handle = new byte[HANDLE_BYTES];
        ByteBuffer.wrap(handle).putLong(++lastHandle).putInt(process.number);
        exported.put(ByteBuffer.wrap(handle.clone()), backing);
        return handle;
    }

    long map(FakeProcess process, int gpu, byte[] handle) {
        Backing backing = exported.get(ByteBuffer.wrap(handle));
        if (backing == null || backing.gone || backing.ownerGone) {
            throw FakeCuda.failure("map", "FAKE_INVALID_HANDLE", process);
        }
        if (backing.owner == process) {
            throw FakeCuda.failure("map", "FAKE_INVALID_CONTEXT", "of this process");
        }
        if (process.machine.unreachable[gpu][backing.gpu]) {
            throw FakeCuda.failure("map", "FAKE_PEER_ACCESS_UNSUPPORTED", process);
        }
        for (Piece piece : pieces.values()) {
            if (piece.process == process && piece.gpu == gpu && piece.backing == backing) {
                piece.opened++;
                return piece.address;
            }
        }
        backing.mappings++;
        return add(process, Kind.MAPPED, gpu, backing).address;
    }

    void unmap(FakeProcess process, long address) {
        Piece piece = piece(process, Kind.MAPPED, address, "unmap");
        if (--piece.opened == 0) {
            pieces.remove(address);
            unmapped(piece.backing);
        }
    }

    private void unmapped(Backing backing) {
        backing.mappings--;
        if (backing.mappings == 0 && backing.ownerGone) {
            release(backing);
        }
    }

    private void release(Backing backing) {
        if (!backing.gone) {
            backing.gone = true;
            usedBytes[backing.gpu] -= backing.bytes.capacity();
        }
    }

    /** Removes all memory of a process that died. */
    void removeAll(FakeProcess process) {
        for (int gpu = 0; gpu < usedBytes.length; gpu++) {
            Long bytes = taken.remove(new Taken(process, gpu));
            usedBytes[gpu] -= bytes == null ? 0 : bytes;
        }
        for (Iterator<Piece> each = pieces.values().iterator(); each.hasNext(); ) {
            Piece piece = each.next();
            if (piece.process == process) {
                each.remove();
                Backing backing = piece.backing;
                switch (piece.kind) {
                    case DEVICE -> {
                        backing.ownerGone = true;
                        if (backing.mappings == 0 || mappedDiesWithOwner) {
                            release(backing);
                        }
                    }
                    case MAPPED -> unmapped(backing);
                    case HOST -> backing.gone = true;
                }
            }
        }
    }

    int count(FakeProcess process, Kind kind) {
        int count = 0;
        for (Piece piece : pieces.values()) {
            if (piece.process == process && piece.kind == kind) {
                count++;
            }
        }
        return count;
    }

    private Piece piece(FakeProcess process, Kind kind, long address, String call) {
        Piece piece = pieces.get(address);
        if (piece == null || piece.process != process || piece.kind != kind) {
            throw FakeCuda.failure(
                    call, "FAKE_INVALID_VALUE", "%s address=0x%x".formatted(process, address));
        }
        return piece;
    }

    private Piece removed(FakeProcess process, Kind kind, long address, String call) {
        Piece piece = piece(process, kind, address, call);
        pieces.remove(address);
        return piece;
    }

    /** The bytes at an address, as a copy engine or NCCL sees them. */
    ByteBuffer at(FakeProcess process, long address, long bytes) {
        Piece piece = find(process, address, bytes);
        return piece.backing
                .bytes
                .duplicate()
                .slice(Math.toIntExact(address - piece.address), Math.toIntExact(bytes));
    }

    /** The bytes at an address, as a kernel of a GPU sees them. */
    ByteBuffer atKernel(FakeProcess process, int gpu, boolean[] peers, long address, long bytes) {
        Piece piece = find(process, address, bytes);
        // Locked host memory has one address for all.
        if (piece.kind != Kind.HOST && piece.gpu != gpu && !peers[piece.gpu]) {
            throw illegal(process, address, bytes, "not this GPU's, gpu=" + gpu);
        }
        return at(process, address, bytes);
    }

    private Piece find(FakeProcess process, long address, long bytes) {
        Map.Entry<Long, Piece> entry = pieces.floorEntry(address);
        if (entry == null || entry.getValue().process != process) {
            throw illegal(process, address, bytes, "nothing there");
        }
        Piece piece = entry.getValue();
        if (piece.backing.gone) {
            throw illegal(process, address, bytes, "freed by its owner");
        }
        if (address + bytes > piece.address + piece.backing.bytes.capacity()) {
            throw illegal(process, address, bytes, "past the end");
        }
        return piece;
    }

    private static KvConnectorException illegal(
            FakeProcess process, long address, long bytes, String why) {
        return FakeCuda.failure(
                "access",
                "FAKE_ILLEGAL_ADDRESS",
                "%s address=0x%x bytes=%d: %s".formatted(process, address, bytes, why));
    }
}
