// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

/**
 * Sizes that a receiver cuts its pulls to.
 *
 * @param partBytes the most that one part has
 * @param slotBytes of a slot of the spill buffer: enough that a copy's own cost doesn't count
 * @param slots how many the spill buffer has
 * @param groupBytes of a pull that is one group of operations; larger ones bring no speed, and
 *     arrive later
 */
public record PullSizes(long partBytes, long slotBytes, int slots, long groupBytes) {

    public static final PullSizes DEFAULT = new PullSizes(64L << 20, 16L << 20, 8, 128L << 20);

    /** The most bytes of a part that goes through a slot. */
    long spilledBytes() {
        return Math.min(partBytes, slotBytes);
    }
}
