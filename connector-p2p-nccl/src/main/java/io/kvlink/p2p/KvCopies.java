// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.spi.KvLayout;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.AbstractList;
import java.util.List;
import java.util.RandomAccess;

/**
 * Copies between a layer's exchanged form, keys of all tokens and then values, and an engine's
 * form.
 */
final class KvCopies {

    private KvCopies() {}

    /** The parts of a region that some runs name. */
    static List<MemoryRegion> parts(MemoryRegion region, List<KvLayout.Run> runs) {
        return new Parts(region, runs);
    }

    /** Cuts only what is looked at: there may be a thousand runs a layer. */
    private static final class Parts extends AbstractList<MemoryRegion> implements RandomAccess {
        private final MemoryRegion region;
        private final List<KvLayout.Run> runs;

        Parts(MemoryRegion region, List<KvLayout.Run> runs) {
            this.region = region;
            this.runs = runs;
        }

        @Override
        public MemoryRegion get(int index) {
            KvLayout.Run run = runs.get(index);
            return region.slice(run.offset(), run.bytes());
        }

        @Override
        public int size() {
            return runs.size();
        }
    }

    /** Copies bytes in order; both sides have equally many. Host memory only. */
    static void copy(List<MemoryRegion> source, List<MemoryRegion> destination) {
        int next = 0;
        ByteBuffer from = source.get(next).buffer();
        for (MemoryRegion region : destination) {
            ByteBuffer to = region.buffer();
            while (to.hasRemaining()) {
                if (!from.hasRemaining()) {
                    from = source.get(++next).buffer();
                }
                int count = Math.min(from.remaining(), to.remaining());
                to.put(to.position(), from, from.position(), count);
                to.position(to.position() + count);
                from.position(from.position() + count);
            }
        }
    }
}
