// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

/** How the next tokens of several sequences are computed; see {@code docs/exactness.md}. */
public enum DecodeBatch {
    /**
     * Together, in counts of rows that give each row the same bits whoever else is there: those
     * that a probe finds when the model is loaded, or a single one.
     */
    EXACT,
    /** Together, in just as many rows as there are: a row's last bits depend on their number. */
    FAST,
    /** One after the other: a row's bits depend on nobody, and the math library sees one row. */
    OFF
}
