// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

/**
 * Configuration of the connectors.
 *
 * @param plane {@code data_plane}
 * @param sendType {@code send_type}
 * @param channels {@code nccl_num_channels}; 0 leaves the choice to NCCL
 * @param spill whether the receive buffer is too small for anything, so that all goes through the
 *     host pool
 */
public record Setup(String plane, String sendType, int channels, boolean spill) {

    /** True if the KV is in GPUs' memory. */
    public boolean gpu() {
        return plane.equals("cuda-ipc") || plane.equals("nccl");
    }

    @Override
    public String toString() {
        return plane
                + " "
                + sendType
                + (channels > 0 ? " " + channels + " ch" : "")
                + (spill ? " spill" : "");
    }
}
