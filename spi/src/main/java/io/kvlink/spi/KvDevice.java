// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * The GPU that an engine computes on and keeps KV in.
 *
 * @param ordinal the GPU's ordinal in this process, from 0
 * @param stream address of the CUDA stream ({@code cudaStream_t}) that writes and reads KV; 0 is
 *     the default stream. It outlives the connector
 */
public record KvDevice(int ordinal, long stream) {

    public KvDevice {
        if (ordinal < 0) {
            throw new IllegalArgumentException("ordinal=" + ordinal);
        }
    }
}
