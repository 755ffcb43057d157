// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

/** Offsets in a block of device memory, each a multiple of 256 bytes. One thread. */
final class Pieces {
    private static final int ALIGNMENT = 256;

    private long end;

    /** Offset of the next piece. */
    long add(long bytes) {
        long offset = end;
        end += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        return offset;
    }

    /** Bytes of all pieces. */
    long end() {
        return end;
    }
}
