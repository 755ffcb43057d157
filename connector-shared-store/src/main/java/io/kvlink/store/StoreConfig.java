// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.Settings;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Settings of a shared store: {@code kv_connector_extra_config}.
 *
 * @param path directory of the blocks
 * @param maxBytes size of all block files together
 * @param blockTokens tokens of a block; equal at all instances of a directory
 * @param loadThreads threads that read
 * @param loadTimeout time after which a request is computed instead of waiting for its blocks
 * @param fsync whether a file is on the disk before it gets its name
 */
record StoreConfig(
        Path path,
        long maxBytes,
        int blockTokens,
        int loadThreads,
        Duration loadTimeout,
        boolean fsync) {

    private static final double BYTES_PER_GB = 1e9;

    static StoreConfig of(Settings settings) {
        StoreConfig config =
                new StoreConfig(
                        path(settings.requiredText("path", "/mnt/kv")),
                        (long) (settings.number("max_size_gb", 10, 1e-6, 1e9) * BYTES_PER_GB),
                        (int) settings.integer("block_tokens", 64, 1, 65536),
                        (int) settings.integer("load_threads", 2, 1, 64),
                        seconds(settings.number("load_timeout_s", 5, 0.001, 3600)),
                        settings.flag("fsync", false));
        settings.refuseUnknown();
        return config;
    }

    private static Path path(String text) {
        try {
            return Path.of(text).toAbsolutePath().normalize();
        } catch (InvalidPathException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG, "path=%s is no path".formatted(text), cause);
        }
    }

    private static Duration seconds(double seconds) {
        return Duration.ofNanos((long) (seconds * 1e9));
    }
}
