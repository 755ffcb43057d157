// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import static io.kvlink.benchmarks.DriverCalls.check;

import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerPointer;
import org.jspecify.annotations.Nullable;

/** The pattern on a GPU: launches {@code bytes.cu} on the engine's stream. One thread. */
final class DevicePattern implements Pattern {

    private static final String KERNELS = "bytes.ptx";
    private static final int THREADS = 256;
    private static final long MOST_BLOCKS = 2048;
    private static final int TEST_WORDS = 1024;

    private final @Nullable CUstream_st stream;
    private final CUmod_st module = new CUmod_st();
    private final CUfunc_st fill = new CUfunc_st();
    private final CUfunc_st compare = new CUfunc_st();
    // The kernels' one parameter, as in bytes.cu; a launch takes a copy.
    private final LongPointer words = new LongPointer(5);
    private final PointerPointer<LongPointer> parameters =
            new PointerPointer<LongPointer>(1).put(0, words);
    private final long counter;

    /**
     * Loads the kernels onto the calling thread's device.
     *
     * @param ownStream whether the engine's stream is one of its own, instead of the default one
     */
    DevicePattern(boolean ownStream) {
        stream = ownStream ? newStream() : null;
        load();
        check(cudart.cuModuleGetFunction(fill, module, "fill"), "cuModuleGetFunction");
        check(cudart.cuModuleGetFunction(compare, module, "compare"), "cuModuleGetFunction");
        long[] address = new long[1];
        check(cudart.cuMemAlloc(address, Long.BYTES), "cuMemAlloc");
        counter = address[0];
        zero(counter, Long.BYTES);
    }

    private static CUstream_st newStream() {
        CUstream_st stream = new CUstream_st();
        check(cudart.cuStreamCreate(stream, cudart.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        return stream;
    }

    /** Address of the engine's stream; 0 for the default one. */
    long stream() {
        return stream == null ? 0 : stream.address();
    }

    private void load() {
        try (InputStream in = DevicePattern.class.getResourceAsStream(KERNELS)) {
            if (in == null) {
                throw new IllegalStateException("not on the class path: " + KERNELS);
            }
            byte[] text = in.readAllBytes();
            // The driver reads up to a zero.
            try (BytePointer image = new BytePointer(text.length + 1L)) {
                image.put(text, 0, text.length).put(text.length, (byte) 0);
                check(cudart.cuModuleLoadData(module, image), "cuModuleLoadData");
            }
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
        fill(scratch, bytes, KvPattern.POISON, 0);
        fill(scratch + 8, bytes - 16, seed, position);
        try (LongPointer host = new LongPointer(TEST_WORDS)) {
            settle();
            check(cudart.cuMemcpyDtoH(host, scratch, bytes), "cuMemcpyDtoH");
            for (int i = 0; i < TEST_WORDS; i++) {
                boolean edge = i == 0 || i == TEST_WORDS - 1;
                long expected =
                        KvPattern.word(
                                edge ? KvPattern.POISON : seed, edge ? 0 : position / 8 + i - 1);
                if (host.get(i) != expected) {
                    throw new IllegalStateException("the fill kernel is wrong at word " + i);
                }
            }
        }
        compare(scratch + 8, bytes - 16, seed, position);
        expect(0);
        compare(scratch, bytes, KvPattern.POISON, 0);
        expect(TEST_WORDS - 2);
        zero(scratch + 8L * 500 + 3, 1);
        zero(scratch + 8L * 501 + 3, 1);
        compare(scratch + 8, bytes - 16, seed, position);
        long zeros = 0;
        for (int i = 500; i <= 501; i++) {
            long there = KvPattern.word(seed, position / 8 + i - 1) >>> 24 & 0xff;
            zeros += there == 0 ? 0 : 1;
        }
        expect(zeros);
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
        fill(region.address() + run.offset(), run.bytes(), seed, position);
    }

    @Override
    public void compare(MemoryRegion region, Run run, long seed, long position) {
        compare(region.address() + run.offset(), run.bytes(), seed, position);
    }

    private void fill(long address, long bytes, long seed, long position) {
        launch(fill, address, bytes, seed, position);
    }

    private void compare(long address, long bytes, long seed, long position) {
        launch(compare, address, bytes, seed, position);
    }

    private void launch(CUfunc_st kernel, long address, long bytes, long seed, long position) {
        long count = bytes / Long.BYTES;
        words.put(0, address)
                .put(1, count)
                .put(2, seed)
                .put(3, position / Long.BYTES)
                .put(4, counter);
        int blocks = (int) Math.max(1, Math.min(MOST_BLOCKS, (count + THREADS - 1) / THREADS));
        check(
                cudart.cuLaunchKernel(
                        kernel,
                        blocks,
                        1,
                        1,
                        THREADS,
                        1,
                        1,
                        0,
                        stream,
                        parameters,
                        (PointerPointer<?>) null),
                "cuLaunchKernel");
    }

    /** Words that have differed since the last call; waits for the stream. */
    @Override
    public long differences() {
        settle();
        try (LongPointer count = new LongPointer(1)) {
            check(cudart.cuMemcpyDtoH(count, counter, Long.BYTES), "cuMemcpyDtoH");
            zero(counter, Long.BYTES);
            return count.get();
        }
    }

    // Work of the default stream, which the engine's own stream wouldn't wait for.
    private static void zero(long address, long bytes) {
        check(cudart.cuMemsetD8(address, (byte) 0, bytes), "cuMemsetD8");
        check(cudart.cuCtxSynchronize(), "cuCtxSynchronize");
    }

    @Override
    public void settle() {
        check(cudart.cuStreamSynchronize(stream), "cuStreamSynchronize");
    }

    @Override
    public void close() {
        check(cudart.cuMemFree(counter), "cuMemFree");
        check(cudart.cuModuleUnload(module), "cuModuleUnload");
        parameters.close();
        words.close();
        if (stream != null) {
            check(cudart.cuStreamDestroy(stream), "cuStreamDestroy");
        }
    }
}
