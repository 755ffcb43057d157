// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** Lines that tell how far an upload is: one in five seconds at most, and one at its end. */
final class LoadProgress {

    private static final long INTERVAL_NS = TimeUnit.SECONDS.toNanos(5);
    private static final double GB = 1e9;

    private final String model;
    private final long totalBytes;
    private final LongSupplier clockNs;
    private final Consumer<String> lines;
    private final long beganNs;
    private long toldNs;
    private long readBytes;

    LoadProgress(String model, long totalBytes, LongSupplier clockNs, Consumer<String> lines) {
        this.model = model;
        this.totalBytes = totalBytes;
        this.clockNs = clockNs;
        this.lines = lines;
        beganNs = clockNs.getAsLong();
        toldNs = beganNs;
    }

    void onBytes(long bytes) {
        readBytes += bytes;
        long nowNs = clockNs.getAsLong();
        if (nowNs - toldNs >= INTERVAL_NS) {
            toldNs = nowNs;
            tell("loading", nowNs);
        }
    }

    void onEnd() {
        tell("loaded", clockNs.getAsLong());
    }

    private void tell(String what, long nowNs) {
        double seconds = Math.max(1, nowNs - beganNs) / 1e9;
        lines.accept(
                String.format(
                        Locale.ROOT,
                        "%s model=%s read=%.2f GB of=%.2f GB seconds=%.1f rate=%.2f GB/s",
                        what,
                        model,
                        readBytes / GB,
                        totalBytes / GB,
                        seconds,
                        readBytes / GB / seconds));
    }
}
