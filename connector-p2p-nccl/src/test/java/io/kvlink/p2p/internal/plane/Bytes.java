// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Memory of a test: random sources, poisoned destinations, with a guard on either side. */
public final class Bytes {

    private static final byte POISON = (byte) 0xA5;
    private static final int GUARD = 64;

    private final ByteBuffer whole;
    private final int size;

    private Bytes(int size, boolean direct) {
        this.size = size;
        int all = size + 2 * GUARD;
        this.whole = direct ? ByteBuffer.allocateDirect(all) : ByteBuffer.allocate(all);
        poison();
    }

    public static Bytes poisoned(int size, boolean direct) {
        return new Bytes(size, direct);
    }

    public static Bytes random(int size, boolean direct, Random random) {
        Bytes bytes = new Bytes(size, direct);
        byte[] content = new byte[size];
        random.nextBytes(content);
        bytes.whole.put(GUARD, content);
        return bytes;
    }

    public MemoryRegion region() {
        return MemoryRegion.ofBuffer(whole.slice(GUARD, size));
    }

    /** Splits the bytes into so many neighbouring regions, of random sizes, perhaps 0. */
    public List<MemoryRegion> regions(int count, Random random) {
        int[] cuts = random.ints(count - 1L, 0, size + 1).sorted().toArray();
        List<MemoryRegion> regions = new ArrayList<>();
        int start = 0;
        for (int cut : cuts) {
            regions.add(region().slice(start, cut - start));
            start = cut;
        }
        regions.add(region().slice(start, size - start));
        return regions;
    }

    public void poison() {
        byte[] content = new byte[whole.capacity()];
        Arrays.fill(content, POISON);
        whole.put(0, content);
    }

    public boolean startsLike(Bytes other, int count) {
        return whole.slice(GUARD, count).equals(other.whole.slice(GUARD, count));
    }

    public boolean holds(Bytes other) {
        return guarded() && whole.slice(GUARD, size).equals(other.whole.slice(GUARD, other.size));
    }

    /** True if no byte was ever written. */
    public boolean untouched() {
        return poisonedFrom(0, whole.capacity());
    }

    /** True if nothing around the bytes was written. */
    boolean guarded() {
        return poisonedFrom(0, GUARD) && poisonedFrom(GUARD + size, GUARD);
    }

    private boolean poisonedFrom(int start, int count) {
        for (int i = start; i < start + count; i++) {
            if (whole.get(i) != POISON) {
                return false;
            }
        }
        return true;
    }
}
