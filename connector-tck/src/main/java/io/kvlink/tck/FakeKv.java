// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Supplier;

/**
 * A fake engine's KV memory. It hands out blocks in a shuffled order, writes content that follows
 * from the model and the tokens up to a position, and checks it byte for byte. Blocks nobody uses
 * hold poison, so that bytes read too early or too late are recognised. All of it is enqueued on
 * the memory's stream; only the outcome of a check waits.
 */
public class FakeKv implements EngineKv {

    private static final byte POISON = (byte) 0xE5;

    private final EngineShape shape;
    private final KvLayout layout;
    private final KvMemory memory;
    private final List<MemoryRegion> regions;
    private final Deque<Integer> free = new ArrayDeque<>();
    private final int tokenBytes;
    // One token's content, in whole words.
    private final ByteBuffer token;
    // Looks whose outcome nobody has asked for yet, so that a step never waits for its stream.
    private final List<Runnable> unverified = new ArrayList<>();

    /**
     * Poisoned memory.
     *
     * @param shape of the KV
     * @param memory taken: closed by this
     * @param seed of the blocks' order
     */
    public FakeKv(EngineShape shape, KvMemory memory, long seed) {
        this.shape = shape;
        this.layout = shape.layout();
        this.memory = memory;
        this.regions = memory.allocate(layout.layers(), shape.regionBytes());
        this.tokenBytes = Math.toIntExact(layout.tokenBytes());
        this.token =
                ByteBuffer.allocate((tokenBytes + Long.BYTES - 1) / Long.BYTES * Long.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN);
        List<Integer> blocks = new ArrayList<>();
        for (int block = 0; block < shape.blocks(); block++) {
            blocks.add(block);
        }
        Collections.shuffle(blocks, new Random(seed));
        free.addAll(blocks);
        poison(List.of(new Run(0, shape.regionBytes())));
    }

    @Override
    public final List<MemoryRegion> regions() {
        return regions;
    }

    @Override
    public final Optional<KvDevice> device() {
        return memory.device();
    }

    @Override
    public final void enter() {
        memory.enter();
    }

    @Override
    public final void delay() {
        memory.delay();
    }

    @Override
    public final boolean hasRoomFor(FakeRequest request) {
        return free.size() >= blocksOf(request.promptTokens());
    }

    @Override
    public final BlockTable take(FakeRequest request) {
        int[] blocks = new int[blocksOf(request.promptTokens())];
        Arrays.setAll(blocks, i -> free.removeFirst());
        return BlockTable.of(blocks);
    }

    /** Takes blocks back and overwrites them at once: whoever still reads them reads poison. */
    @Override
    public final void release(FakeRequest request) {
        BlockTable blocks = request.blocks;
        poison(runs(blocks));
        for (int i = 0; i < blocks.size(); i++) {
            free.addLast(blocks.block(i));
        }
    }

    @Override
    public void compute(int layer, FakeRequest request, int from, int to) {
        if (from < to) {
            List<Run> runs = layout.runs(request.blocks, from, to, shape.regionBytes());
            memory.write(regions.get(layer), runs, content(layer, request.prefixes(), from, to));
        }
    }

    @Override
    public final void attend(int layer, FakeRequest request, int to) {
        request.attended.add(check(layer, request, to));
    }

    @Override
    public final void onLoaded(FakeRequest request) {
        verifyLater(request, "after awaitLayer", request.attended);
        request.attended.clear();
        List<Supplier<String>> checks = new ArrayList<>();
        for (int layer = 0; layer < layout.layers(); layer++) {
            checks.add(check(layer, request, request.computed));
        }
        verifyLater(request, "loaded KV is wrong:", checks);
    }

    private void verifyLater(FakeRequest request, String when, List<Supplier<String>> checks) {
        String what = request.toString();
        for (Supplier<String> check : checks) {
            unverified.add(
                    () -> {
                        String wrong = check.get();
                        if (!wrong.isEmpty()) {
                            throw new AssertionError(when + " " + wrong + " " + what);
                        }
                    });
        }
    }

    @Override
    public final void verify() {
        List<Runnable> checks = List.copyOf(unverified);
        unverified.clear();
        checks.forEach(Runnable::run);
    }

    @Override
    public final void close() {
        memory.close();
    }

    // Gives the first wrong byte in words, empty if all are right.
    private Supplier<String> check(int layer, FakeRequest request, int to) {
        BlockTable blocks = request.blocks;
        Supplier<byte[]> read = memory.read(regions.get(layer));
        return () -> {
            byte[] expected = content(layer, request.prefixes(), 0, to);
            byte[] all = read.get();
            int at = 0;
            for (Run run : layout.runs(blocks, 0, to, shape.regionBytes())) {
                int first = Math.toIntExact(run.offset());
                int bytes = Math.toIntExact(run.bytes());
                int wrong = Arrays.mismatch(all, first, first + bytes, expected, at, at + bytes);
                if (wrong >= 0) {
                    return describe(layer, at + wrong, all[first + wrong], expected);
                }
                at += bytes;
            }
            return "";
        };
    }

    /** True if nobody wrote to these blocks since they were released. */
    final boolean untouched(BlockTable blocks) {
        for (MemoryRegion region : regions) {
            byte[] all = memory.read(region).get();
            for (Run run : runs(blocks)) {
                for (long at = run.offset(); at < run.offset() + run.bytes(); at++) {
                    if (all[Math.toIntExact(at)] != POISON) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    private void poison(List<Run> runs) {
        byte[] poison = new byte[Math.toIntExact(runs.stream().mapToLong(Run::bytes).sum())];
        Arrays.fill(poison, POISON);
        for (MemoryRegion region : regions) {
            memory.write(region, runs, poison);
        }
    }

    /** Numbers of all positions; each follows from all tokens up to its position. */
    static long[] prefixes(int[] prompt) {
        long[] prefixes = new long[prompt.length];
        long hash = 1;
        for (int i = 0; i < prompt.length; i++) {
            hash = mix(hash * 31 + prompt[i]);
            prefixes[i] = hash;
        }
        return prefixes;
    }

    private String describe(int layer, int at, byte is, byte[] expected) {
        int half = tokenBytes / 2;
        int inHalf = at % (expected.length / 2);
        int inToken = (at < expected.length / 2 ? 0 : half) + inHalf % half;
        return "layer=%d token=%d byte=%d is=0x%02x expected=0x%02x%s"
                .formatted(
                        layer,
                        inHalf / half,
                        inToken,
                        is,
                        expected[at],
                        is == POISON ? " (the block was free, or never written)" : "");
    }

    private List<Run> runs(BlockTable blocks) {
        return layout.runs(blocks, 0, blocks.size() * layout.blockSize(), shape.regionBytes());
    }

    private int blocksOf(int tokens) {
        return (tokens + layout.blockSize() - 1) / layout.blockSize();
    }

    // In the order of the exchange: keys of all tokens, then values.
    private byte[] content(int layer, long[] prefixes, int from, int to) {
        int half = tokenBytes / 2;
        byte[] content = new byte[(to - from) * tokenBytes];
        for (int position = from; position < to; position++) {
            int at = (position - from) * half;
            content(layer, prefixes[position]);
            token.get(0, content, at, half).get(half, content, content.length / 2 + at, half);
        }
        return content;
    }

    private void content(int layer, long prefix) {
        long state = prefix ^ mix(layout.model().hashCode() * 131L + layer);
        for (int i = 0; i < token.capacity(); i += Long.BYTES) {
            state = mix(state + i);
            token.putLong(i, state);
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
