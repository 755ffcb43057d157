// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
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
    private final KvPattern pattern;
    private final KnownKv known;
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
        this(shape, memory, seed, new KnownKv());
    }

    /** Poisoned memory whose content is known to the test's other engines, too. */
    FakeKv(EngineShape shape, KvMemory memory, long seed, KnownKv known) {
        this.shape = shape;
        this.layout = shape.layout();
        this.memory = memory;
        this.regions = memory.allocate(layout.layers(), shape.regionBytes());
        this.pattern = new KvPattern(layout);
        this.known = known;
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
            known.onComputed(request, layout);
            List<Run> runs = layout.runs(request.blocks, from, to, shape.regionBytes());
            memory.write(regions.get(layer), runs, content(layer, request, from, to));
        }
    }

    @Override
    public final void attend(int layer, FakeRequest request, int to) {
        request.attended.add(check(layer, request, to));
        if (request.keepsTheRest) {
            request.attended.add(checkRest(layer, request, to));
        }
    }

    @Override
    public final void onLoaded(FakeRequest request) {
        boolean withinStep = !request.attended.isEmpty();
        verifyLater(request, "after awaitLayer", request.attended);
        request.attended.clear();
        List<Supplier<String>> checks = new ArrayList<>();
        for (int layer = 0; layer < layout.layers(); layer++) {
            checks.add(check(layer, request, request.computed));
            if (request.keepsTheRest && !withinStep) {
                checks.add(checkRest(layer, request, request.computed));
            }
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
            byte[] expected = content(layer, request, 0, to);
            List<Run> runs = layout.runs(blocks, 0, to, shape.regionBytes());
            return difference(layer, gathered(read.get(), runs, expected.length), expected);
        };
    }

    // The engine's own bits of a head are the others' inverted.
    private byte[] content(int layer, FakeRequest request, int from, int to) {
        byte[] content = pattern.content(layer, request.prefixes(), from, to);
        int own = Math.min(to, request.ownHead) - from;
        for (int i = 0; i < own * pattern.halfBytes(); i++) {
            content[i] ^= -1;
            content[content.length / 2 + i] ^= -1;
        }
        return content;
    }

    // Gives the first byte behind what is loaded that isn't as the engine left it.
    private Supplier<String> checkRest(int layer, FakeRequest request, int from) {
        BlockTable blocks = request.blocks;
        int to = request.promptTokens();
        Supplier<byte[]> read = memory.read(regions.get(layer));
        return () -> {
            List<Run> runs = layout.runs(blocks, from, to, shape.regionBytes());
            byte[] free = new byte[Math.toIntExact(layout.layerBytes(to - from))];
            Arrays.fill(free, POISON);
            String rest = difference(layer, gathered(read.get(), runs, free.length), free);
            return rest.isEmpty()
                    ? ""
                    : "behind the %d tokens of the load: %s".formatted(from, rest);
        };
    }

    private static byte[] gathered(byte[] region, List<Run> runs, int bytes) {
        byte[] gathered = new byte[bytes];
        int at = 0;
        for (Run run : runs) {
            int length = Math.toIntExact(run.bytes());
            System.arraycopy(region, Math.toIntExact(run.offset()), gathered, at, length);
            at += length;
        }
        return gathered;
    }

    /** First byte that somebody wrote to blocks since they were released; or empty. */
    final String touched(BlockTable blocks) {
        int bytes = Math.toIntExact(layout.layerBytes(blocks.size() * layout.blockSize()));
        byte[] poison = new byte[bytes];
        Arrays.fill(poison, POISON);
        for (int layer = 0; layer < regions.size(); layer++) {
            byte[] region = memory.read(regions.get(layer)).get();
            String touched = difference(layer, gathered(region, runs(blocks), bytes), poison);
            if (!touched.isEmpty()) {
                return touched;
            }
        }
        return "";
    }

    private void poison(List<Run> runs) {
        byte[] poison = new byte[Math.toIntExact(runs.stream().mapToLong(Run::bytes).sum())];
        Arrays.fill(poison, POISON);
        for (MemoryRegion region : regions) {
            memory.write(region, runs, poison);
        }
    }

    // The first byte that isn't as expected, and whose bytes are there instead.
    private String difference(int layer, byte[] found, byte[] expected) {
        int at = Arrays.mismatch(found, expected);
        if (at < 0) {
            return "";
        }
        int half = pattern.halfBytes();
        int row = at / half;
        byte[] whole = Arrays.copyOfRange(found, row * half, (row + 1) * half);
        return "%s: byte=%d is=0x%02x expected=0x%02x; %s"
                .formatted(
                        KnownKv.place(layer, row, found.length / half / 2),
                        at % half,
                        found[at],
                        expected[at],
                        isPoison(whole)
                                ? "the block was free, or never written"
                                : known.ownerOf(whole));
    }

    private static boolean isPoison(byte[] bytes) {
        for (byte one : bytes) {
            if (one != POISON) {
                return false;
            }
        }
        return true;
    }

    private List<Run> runs(BlockTable blocks) {
        return layout.runs(blocks, 0, blocks.size() * layout.blockSize(), shape.regionBytes());
    }

    private int blocksOf(int tokens) {
        return (tokens + layout.blockSize() - 1) / layout.blockSize();
    }
}
