// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * Layout of a pull's parts as NCCL's messages. Both ends must come to the same one: the sender says
 * which pieces travel as they lie, and the receiver's places say which of the gathered parts touch
 * and become one message.
 *
 * <p>A message takes some microseconds whatever its size, while gathering takes bandwidth of the
 * memory that the wire needs too. So a piece of a few long runs travels as it lies, and all else is
 * gathered.
 */
final class MessageLayout {

    private static final int MOST_RUNS = 4;
    private static final long DIRECT_BYTES = 16 << 20;

    // Where a message lies at the receiver.
    private final List<NcclMessage> list = new ArrayList<>();
    private boolean mayGrow;

    /** The sizes of a piece's messages if it travels as it lies; empty if it is gathered. */
    static List<Long> direct(List<MemoryRegion> source) {
        List<Long> runs = source.stream().map(MemoryRegion::bytes).toList();
        boolean allLong = runs.stream().allMatch(run -> run >= DIRECT_BYTES);
        return allLong && runs.size() <= MOST_RUNS ? runs : List.of();
    }

    /**
     * Adds a gathered part.
     *
     * @param place its first byte at the receiver
     * @param bytes how many
     * @return true if it makes the last message longer
     */
    boolean addGathered(long place, long bytes) {
        int last = list.size() - 1;
        boolean grows = mayGrow && list.get(last).address() + list.get(last).bytes() == place;
        if (grows) {
            NcclMessage before = list.remove(last);
            list.add(new NcclMessage(before.address(), before.bytes() + bytes));
        } else {
            list.add(new NcclMessage(place, bytes));
        }
        mayGrow = true;
        return grows;
    }

    /** Adds a part that travels as it lies. */
    void addDirect(long place, List<Long> messages) {
        long at = place;
        for (long bytes : messages) {
            list.add(new NcclMessage(at, bytes));
            at += bytes;
        }
        mayGrow = false;
    }

    /** All of them, in order. */
    List<NcclMessage> list() {
        return list;
    }
}
