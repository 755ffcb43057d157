// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import io.kvlink.spi.BlockTable;

/**
 * The right to use some blocks of a {@link KvMemory} for one sequence. Token position {@code p}
 * sits in block {@code p / BLOCK_TOKENS} of the table. Whoever allocated it releases it, once, on
 * the decoder's thread. That is after transfers of its bytes have ended and calls in flight that
 * use it were awaited.
 */
public interface KvSlots {

    /** The blocks, in the order of the sequence's tokens. */
    BlockTable blockTable();

    /** Number of blocks. */
    int blocks();

    /** Tokens that fit: whole blocks, so at least what was asked for. */
    int capacity();

    /**
     * Gives the blocks back.
     *
     * @throws IllegalStateException if they were released or handed over before
     */
    void release();
}
