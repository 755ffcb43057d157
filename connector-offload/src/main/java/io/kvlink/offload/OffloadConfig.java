// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.Settings;

/**
 * Settings of an offloading connector: {@code kv_connector_extra_config}.
 *
 * @param cpuBytes host memory that blocks may take
 * @param blockTokens tokens of a block
 */
record OffloadConfig(long cpuBytes, int blockTokens) {

    static OffloadConfig of(Settings settings) {
        OffloadConfig config =
                new OffloadConfig(
                        settings.integer("cpu_bytes_to_use", 0, 0, Long.MAX_VALUE),
                        (int) settings.integer("block_tokens", 64, 1, 65536));
        settings.refuseUnknown();
        if (config.cpuBytes == 0) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "cpu_bytes_to_use is missing; for example \"cpu_bytes_to_use\": 8e9");
        }
        return config;
    }
}
