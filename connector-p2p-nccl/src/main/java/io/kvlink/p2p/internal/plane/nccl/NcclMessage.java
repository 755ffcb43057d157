// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

/**
 * One message of NCCL's: a run of bytes in device memory.
 *
 * @param address the first byte
 * @param bytes how many; the peer's message in the same place has as many
 */
record NcclMessage(long address, long bytes) {}
