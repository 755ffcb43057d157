// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

/**
 * Some bytes of a piece that a receiver pulls, and where they go.
 *
 * @param id the receiver's number for it
 * @param ticket the receiver's ticket
 * @param piece the piece
 * @param offset first byte in the piece
 * @param bytes how many
 * @param region the exported region they go to; NCCL ignores it
 * @param at first byte in that region
 */
public record PullPart(
        long id, long ticket, int piece, long offset, long bytes, int region, long at) {

    /** Bytes of an encoded part. */
    static final int BYTES = 48;
}
