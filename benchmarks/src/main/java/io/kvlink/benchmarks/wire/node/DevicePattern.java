// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.cuda.CudaModule;
import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.Launch;
import io.kvlink.cuda.PinnedMemory;
import io.kvlink.cuda.StructArgument;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** The pattern on a GPU: launches {@code bytes.cu} on the engine's stream. One thread. */
final class DevicePattern implements Pattern {

    private static final String KERNELS = "bytes.ptx";
    private static final int THREADS = 256;
    private static final long MOST_BLOCKS = 2048;
    private static final int TEST_WORDS = 1024;

    private final Gpu gpu;
    private final boolean ownStream;
    private final long stream;
    private final CudaModule module;
    private final long fill;
    private final long compare;
    private final Launch launch;
    private final StructArgument words = new StructArgument(5);
    private final long counter;

    /**
     * Loads the kernels; the calling thread is attached to the device already, and stays so.
     *
     * @param ownStream whether the engine's stream is one of its own, instead of the default one
     */
    DevicePattern(int ordinal, boolean ownStream) {
        this.ownStream = ownStream;
        gpu = Gpu.open(ordinal);
        stream = ownStream ? gpu.newStream() : 0;
        module = gpu.load(ptx());
        fill = module.function("fill");
        compare = module.function("compare");
        launch = new Launch(gpu).block(THREADS);
        counter = gpu.allocate(Long.BYTES);
        gpu.fill(counter, 0, 2, stream);
    }

    /** Address of the engine's stream; 0 for the default one. */
    long stream() {
        return stream;
    }

    private static byte[] ptx() {
        try (InputStream in = DevicePattern.class.getResourceAsStream(KERNELS)) {
            if (in == null) {
                throw new IllegalStateException("not on the class path: " + KERNELS);
            }
            return in.readAllBytes();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /**
     * Tries the kernels: a checker that finds nothing wrong proves nothing until it has found
     * something.
     *
     * @param scratch device memory of at least 16 KiB, overwritten
     * @throws IllegalStateException if they don't do what they should
     */
    void tryOut(long scratch) {
        long seed = 42;
        long position = 8L * 12_345_678_901L;
        long bytes = 8L * TEST_WORDS;
        launch(fill, scratch, bytes, Pattern.POISON, 0);
        launch(fill, scratch + 8, bytes - 16, seed, position);
        try (PinnedMemory host = gpu.allocatePinned(bytes)) {
            gpu.copyOut(host.address(), scratch, bytes, stream);
            settle();
            for (int i = 0; i < TEST_WORDS; i++) {
                boolean edge = i == 0 || i == TEST_WORDS - 1;
                long expected =
                        edge
                                ? Pattern.word(Pattern.POISON, 0)
                                : Pattern.word(seed, position / 8 + i - 1);
                if (host.buffer().getLong(8 * i) != expected) {
                    throw new IllegalStateException("the fill kernel is wrong at word " + i);
                }
            }
        }
        launch(compare, scratch + 8, bytes - 16, seed, position);
        expect(0);
        launch(compare, scratch, bytes, Pattern.POISON, 0);
        expect(TEST_WORDS - 2);
        // Halves of two words of the pattern, neither of which is zero.
        gpu.fill(scratch + 8L * 500, 0, 1, stream);
        gpu.fill(scratch + 8L * 501 + 4, 0, 1, stream);
        launch(compare, scratch + 8, bytes - 16, seed, position);
        expect(2);
    }

    private void expect(long expected) {
        long seen = differences();
        if (seen != expected) {
            throw new IllegalStateException(
                    "the compare kernel saw " + seen + " differences instead of " + expected);
        }
    }

    @Override
    public void fill(MemoryRegion region, Run run, long seed, long position) {
        launch(fill, region.address() + run.offset(), run.bytes(), seed, position);
    }

    @Override
    public void compare(MemoryRegion region, Run run, long seed, long position) {
        launch(compare, region.address() + run.offset(), run.bytes(), seed, position);
    }

    private void launch(long kernel, long address, long bytes, long seed, long position) {
        long count = bytes / Long.BYTES;
        long first = position / Long.BYTES;
        // As the struct of bytes.cu.
        words.words().put(0, address).put(1, count).put(2, seed).put(3, first).put(4, counter);
        long blocks = Math.max(1, Math.min(MOST_BLOCKS, (count + THREADS - 1) / THREADS));
        launch.grid((int) blocks, 1, 1).run(kernel, stream, words);
    }

    /** Words that have differed since the last call; waits for the stream. */
    @Override
    public long differences() {
        try (PinnedMemory count = gpu.allocatePinned(Long.BYTES)) {
            gpu.copyOut(count.address(), counter, Long.BYTES, stream);
            gpu.fill(counter, 0, 2, stream);
            settle();
            return count.buffer().getLong(0);
        }
    }

    @Override
    public void settle() {
        gpu.synchronizeStream(stream);
    }

    @Override
    public void close() {
        gpu.free(counter);
        module.close();
        words.close();
        if (ownStream) {
            gpu.destroyStream(stream);
        }
        gpu.closeAttached();
    }
}
