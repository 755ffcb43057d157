// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.spi.MemoryRegion;
import org.jspecify.annotations.Nullable;

/**
 * Equipment of a plane between GPUs. All of it is borrowed, and outlives the plane.
 *
 * @param device the engine's GPU
 * @param host the address to listen on and to advertise, in digits or as a name
 * @param arena device memory that receives go to, from one {@link CudaDevice#allocate}; {@code
 *     null} if this node receives nothing
 * @param ncclChannels channels of an NCCL communicator; 0 leaves the choice to NCCL
 */
public record GpuPlaneConfig(
        CudaDevice device, String host, @Nullable MemoryRegion arena, int ncclChannels) {}
