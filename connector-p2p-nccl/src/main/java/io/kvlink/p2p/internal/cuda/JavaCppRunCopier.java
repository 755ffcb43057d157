// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static io.kvlink.p2p.internal.cuda.CudaCalls.check;

import java.nio.LongBuffer;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerPointer;

/** Launches {@code copy_runs.cu}. A launch takes its own copy of the parameters. */
final class JavaCppRunCopier implements RunCopier {

    // As in copy_runs.cu.
    private static final int FEW_RUNS = 160;
    private static final int MOST_RUNS = 1360;
    private static final int RUN_LONGS = 3;
    private static final int THREADS = 512;
    // What the threads of a block copy in one turn.
    private static final long TURN_BYTES = THREADS * 16L * 4;
    private final CUfunc_st few;
    private final CUfunc_st many;
    private final LongPointer memory = new LongPointer((long) MOST_RUNS * RUN_LONGS);
    private final LongBuffer runs = memory.asBuffer();
    // An array of one pointer; its constructor of one pointer would be a cast.
    private final PointerPointer<LongPointer> parameters =
            new PointerPointer<LongPointer>(1).put(0, memory);
    private final long mostBlocks;
    private int count;
    private long longest;

    JavaCppRunCopier(CUfunc_st few, CUfunc_st many, int mostBlocks) {
        this.mostBlocks = mostBlocks;
        this.few = few;
        this.many = many;
    }

    @Override
    public void add(long source, long destination, long bytes, CudaStream stream) {
        runs.put(count * RUN_LONGS, source);
        runs.put(count * RUN_LONGS + 1, destination);
        runs.put(count * RUN_LONGS + 2, bytes);
        longest = Math.max(longest, bytes);
        count++;
        if (count == MOST_RUNS) {
            flush(stream);
        }
    }

    @Override
    public void flush(CudaStream stream) {
        if (count == 0) {
            return;
        }
        long turns = (longest + TURN_BYTES - 1) / TURN_BYTES;
        int width = (int) Math.max(1, Math.min(turns, mostBlocks / count));
        int height = count;
        count = 0;
        longest = 0;
        check(
                cudart.cuLaunchKernel(
                        height <= FEW_RUNS ? few : many,
                        width,
                        height,
                        1,
                        THREADS,
                        1,
                        1,
                        0,
                        JavaCppDevice.of(stream),
                        parameters,
                        (PointerPointer<?>) null),
                "cuLaunchKernel",
                "copy_runs");
    }

    @Override
    public void close() {
        parameters.close();
        memory.close();
    }
}
