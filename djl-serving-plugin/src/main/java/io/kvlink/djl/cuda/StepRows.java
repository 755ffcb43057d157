// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import java.nio.ByteBuffer;

/** Structs {@code Row} of {@code decoder.cuh}. */
final class StepRows {
    private StepRows() {}

    static void write(ByteBuffer to, int table, int position, int token) {
        to.putInt(table).putInt(position).putInt(token).putInt(0);
    }

    /** A row that only fills up. */
    static void writeNone(ByteBuffer to) {
        to.putInt(-1).putInt(0).putInt(0).putInt(0);
    }
}
