// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Random;

/**
 * A fake engine's KV memory: hands out blocks in a shuffled order, writes content that follows from
 * the model and the tokens up to a position, and checks it byte for byte. Blocks nobody uses hold
 * poison, so that bytes read too late are recognised.
 */
final class FakeKv {

    private static final byte POISON = (byte) 0xE5;

    private final EngineShape shape;
    private final KvLayout layout;
    private final List<MemoryRegion> regions;
    private final Deque<Integer> free = new ArrayDeque<>();
    private final byte[] token;

    FakeKv(EngineShape shape, long seed) {
        this.shape = shape;
        this.layout = shape.layout();
        this.regions = shape.allocate();
        this.token = new byte[Math.toIntExact(layout.tokenBytes())];
        List<Integer> blocks = new ArrayList<>();
        for (int block = 0; block < shape.blocks(); block++) {
            blocks.add(block);
        }
        Collections.shuffle(blocks, new Random(seed));
        free.addAll(blocks);
        poison(BlockTable.of(blocks.stream().mapToInt(Integer::intValue).toArray()));
    }

    List<MemoryRegion> regions() {
        return regions;
    }

    boolean hasRoomFor(int tokens) {
        return free.size() >= blocksOf(tokens);
    }

    BlockTable take(int tokens) {
        int[] blocks = new int[blocksOf(tokens)];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = free.removeFirst();
        }
        return BlockTable.of(blocks);
    }

    /** Takes blocks back and overwrites them at once: whoever still reads them reads poison. */
    void release(BlockTable blocks) {
        poison(blocks);
        for (int i = 0; i < blocks.size(); i++) {
            free.addLast(blocks.block(i));
        }
    }

    /** "Computes" a token range of one layer. */
    void compute(int layer, long[] prefixes, BlockTable blocks, int from, int to) {
        for (int position = from; position < to; position++) {
            content(layer, prefixes[position]);
            int at = 0;
            ByteBuffer memory = regions.get(layer).buffer();
            for (Run run : layout.runs(blocks, position, position + 1, shape.regionBytes())) {
                memory.put(Math.toIntExact(run.offset()), token, at, (int) run.bytes());
                at += (int) run.bytes();
            }
        }
    }

    /** The first wrong byte of a token range in one layer, in words; empty if all are right. */
    String wrong(int layer, long[] prefixes, BlockTable blocks, int from, int to) {
        ByteBuffer memory = regions.get(layer).buffer();
        for (int position = from; position < to; position++) {
            content(layer, prefixes[position]);
            int at = 0;
            for (Run run : layout.runs(blocks, position, position + 1, shape.regionBytes())) {
                for (int i = 0; i < run.bytes(); i++, at++) {
                    byte is = memory.get(Math.toIntExact(run.offset()) + i);
                    if (is != token[at]) {
                        return "layer=%d token=%d byte=%d is=0x%02x expected=0x%02x%s"
                                .formatted(
                                        layer, position, at, is, token[at], remark(is == POISON));
                    }
                }
            }
        }
        return "";
    }

    /** True if nobody wrote to these blocks since they were released. */
    boolean untouched(BlockTable blocks) {
        for (MemoryRegion region : regions) {
            ByteBuffer memory = region.buffer();
            for (Run run : runs(blocks)) {
                for (long at = run.offset(); at < run.offset() + run.bytes(); at++) {
                    if (memory.get(Math.toIntExact(at)) != POISON) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    void poison(BlockTable blocks) {
        for (MemoryRegion region : regions) {
            ByteBuffer memory = region.buffer();
            for (Run run : runs(blocks)) {
                for (long at = run.offset(); at < run.offset() + run.bytes(); at++) {
                    memory.put(Math.toIntExact(at), POISON);
                }
            }
        }
    }

    /** For each position a number that follows from all tokens up to it. */
    static long[] prefixes(int[] prompt) {
        long[] prefixes = new long[prompt.length];
        long hash = 1;
        for (int i = 0; i < prompt.length; i++) {
            hash = mix(hash * 31 + prompt[i]);
            prefixes[i] = hash;
        }
        return prefixes;
    }

    private static String remark(boolean poison) {
        return poison ? " (the block was free, or never written)" : "";
    }

    private List<Run> runs(BlockTable blocks) {
        return layout.runs(blocks, 0, blocks.size() * layout.blockSize(), shape.regionBytes());
    }

    private int blocksOf(int tokens) {
        return (tokens + layout.blockSize() - 1) / layout.blockSize();
    }

    private void content(int layer, long prefix) {
        long state = prefix ^ mix(layout.model().hashCode() * 131L + layer);
        for (int i = 0; i < token.length; i++) {
            if (i % 8 == 0) {
                state = mix(state + i);
            }
            token[i] = (byte) (state >>> (i % 8 * 8));
        }
    }

    // SplitMix64's finaliser.
    private static long mix(long value) {
        long z = value + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
