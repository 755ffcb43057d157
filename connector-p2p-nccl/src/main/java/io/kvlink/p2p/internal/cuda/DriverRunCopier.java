// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.cuda.CudaException;
import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.Launch;
import io.kvlink.cuda.StructArgument;
import java.nio.LongBuffer;

/** Launches {@code copy_runs.cu}. A launch takes its own copy of the parameters. */
final class DriverRunCopier implements RunCopier {

    // As in copy_runs.cu.
    private static final int FEW_RUNS = 160;
    private static final int MOST_RUNS = 1360;
    private static final int RUN_LONGS = 3;
    private static final int THREADS = 512;
    // What the threads of a block copy in one turn.
    private static final long TURN_BYTES = THREADS * 16L * 4;
    private final long few;
    private final long many;
    private final StructArgument argument = new StructArgument(MOST_RUNS * RUN_LONGS);
    private final LongBuffer runs = argument.words();
    private final Launch launch;
    private final long mostBlocks;
    private int count;
    private long longest;

    DriverRunCopier(Gpu gpu, long few, long many, int mostBlocks) {
        this.launch = new Launch(gpu).block(THREADS);
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
        try {
            launch.grid(width, height, 1)
                    .run(height <= FEW_RUNS ? few : many, DriverDevice.handle(stream), argument);
        } catch (CudaException refused) {
            throw DriverDevice.refusal(refused, "copy_runs");
        }
    }

    @Override
    public void close() {
        argument.close();
    }
}
