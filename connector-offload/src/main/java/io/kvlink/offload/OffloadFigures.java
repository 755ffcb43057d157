// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.KvMetric;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Counts of one connector. Any thread. */
final class OffloadFigures {

    final LongAdder loadedTokens = new LongAdder();
    final LongAdder loadedBytes = new LongAdder();
    final LongAdder savedBlocks = new LongAdder();
    final LongAdder savedBytes = new LongAdder();
    final LongAdder droppedBlocks = new LongAdder();
    final LongAdder evictedBlocks = new LongAdder();

    /**
     * The figures now.
     *
     * @param keptBytes KV that can be loaded
     * @param memoryBytes memory that there is for it
     */
    List<KvMetric> metrics(long keptBytes, long memoryBytes) {
        return List.of(
                counter("offload_loaded_tokens_total", "Tokens given to requests.", loadedTokens),
                counter("offload_loaded_bytes_total", "KV given to requests.", loadedBytes),
                counter("offload_saved_blocks_total", "Blocks that were copied out.", savedBlocks),
                counter("offload_saved_bytes_total", "KV that was copied out.", savedBytes),
                counter("offload_dropped_blocks_total", "Blocks without room.", droppedBlocks),
                counter("offload_evicted_blocks_total", "Blocks that made room.", evictedBlocks),
                gauge("offload_kept_bytes", "KV that can be loaded.", keptBytes),
                gauge("offload_memory_bytes", "Host memory of the blocks so far.", memoryBytes));
    }

    private static KvMetric counter(String name, String help, LongAdder value) {
        return KvMetric.counter(name, help, Map.of(), (double) value.sum());
    }

    private static KvMetric gauge(String name, String help, long value) {
        return KvMetric.gauge(name, help, Map.of(), (double) value);
    }
}
