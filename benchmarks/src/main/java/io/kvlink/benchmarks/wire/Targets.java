// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.wire.node.Setup;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Goals between two GPUs of one host, for a model of Llama-3-8B's shape. */
final class Targets {

    private static final Map<Integer, Double> MS =
            Map.of(16, 0.5, 256, 0.6, 1024, 1.0, 4096, 2.0, 10_000, 4.0);
    private static final double NCCL_FACTOR = 1.25;
    private static final int SPILL_TOKENS = 10_000;
    private static final double SPILL_MS = 30;

    private Targets() {}

    /** The most that a transfer may take in ms; {@code null} if nobody has said. */
    static @Nullable Double ms(Setup setup, int tokens, int layers) {
        Double wire = MS.get(tokens);
        if (!setup.gpu() || layers != 32 || wire == null) {
            return null;
        }
        if (setup.spill()) {
            return tokens == SPILL_TOKENS ? (Double) SPILL_MS : null;
        }
        return setup.plane().equals("nccl") ? (Double) (wire * NCCL_FACTOR) : wire;
    }
}
