// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.offload.BlockMoves.Move;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.List;

/** Copies on the calling thread: what a method has returned from is done. */
final class HostCopier implements KvCopier {

    @Override
    public boolean accepts(MemoryRegion layer) {
        return layer.kind().host();
    }

    @Override
    public void beginLoads() {}

    @Override
    public void load(MemoryRegion layer, MemoryRegion block, List<Move> moves) {
        ByteBuffer to = layer.buffer();
        ByteBuffer from = block.buffer();
        for (Move move : moves) {
            copy(from, move.inBlock(), to, move.inEngine(), move.bytes());
        }
    }

    @Override
    public void joinLoads() {}

    @Override
    public void beginSaves() {}

    @Override
    public void save(MemoryRegion layer, MemoryRegion block, List<Move> moves) {
        ByteBuffer from = layer.buffer();
        ByteBuffer to = block.buffer();
        for (Move move : moves) {
            copy(from, move.inEngine(), to, move.inBlock(), move.bytes());
        }
    }

    private static void copy(ByteBuffer from, long at, ByteBuffer to, long target, long bytes) {
        to.put(Math.toIntExact(target), from, Math.toIntExact(at), Math.toIntExact(bytes));
    }

    @Override
    public void joinSaves() {}

    @Override
    public void close() {}
}
