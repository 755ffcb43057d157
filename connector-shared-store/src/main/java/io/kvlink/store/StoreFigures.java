// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.KvHistogram;
import io.kvlink.spi.KvMetric;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** Counts of one instance's use of a store. Any thread. */
final class StoreFigures {

    final LongAdder loadedBlocks = new LongAdder();
    final LongAdder loadedBytes = new LongAdder();
    final LongAdder savedBlocks = new LongAdder();
    final LongAdder savedBytes = new LongAdder();
    final LongAdder failedLoads = new LongAdder();
    final LongAdder failedSaves = new LongAdder();
    final LongAdder droppedSaves = new LongAdder();
    final LongAdder corruptBlocks = new LongAdder();
    final LongAdder evictedBlocks = new LongAdder();
    final LongAdder lateLookups = new LongAdder();
    final KvHistogram readSeconds = KvHistogram.ofSeconds();
    final KvHistogram writeSeconds = KvHistogram.ofSeconds();
    // Bytes of all block files, as last counted here.
    final AtomicLong storeBytes = new AtomicLong();

    List<KvMetric> metrics() {
        return List.of(
                counter("store_loaded_blocks_total", "Blocks given to requests.", loadedBlocks),
                counter("store_loaded_bytes_total", "KV given to requests.", loadedBytes),
                counter("store_saved_blocks_total", "Blocks written to files.", savedBlocks),
                counter("store_saved_bytes_total", "KV written to files.", savedBytes),
                counter("store_failed_loads_total", "Blocks that could not be read.", failedLoads),
                counter("store_failed_saves_total", "Saves that were not written.", failedSaves),
                counter("store_dropped_saves_total", "Saves without memory to wait.", droppedSaves),
                counter("store_corrupt_blocks_total", "Broken files, removed.", corruptBlocks),
                counter("store_evicted_blocks_total", "Blocks that made room.", evictedBlocks),
                counter("store_late_lookups_total", "Requests that stopped waiting.", lateLookups),
                readSeconds.metric("store_read_seconds", "Time to read a block.", Map.of()),
                writeSeconds.metric("store_write_seconds", "Time to write a block.", Map.of()),
                KvMetric.gauge(
                        "store_bytes",
                        "Bytes of all block files, as last counted here.",
                        Map.of(),
                        (double) storeBytes.get()));
    }

    private static KvMetric counter(String name, String help, LongAdder value) {
        return KvMetric.counter(name, help, Map.of(), (double) value.sum());
    }
}
