// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

/** Rule for computing the next tokens of several sequences; see {@code docs/exactness.md}. */
public enum DecodeBatch {
    /**
     * Together, in counts of rows that give each row the same bits whoever else is there. A probe
     * finds these counts when the model is loaded; there may be a single one.
     */
    EXACT,
    /** Together, in just as many rows as there are: a row's last bits depend on their number. */
    FAST,
    /** One after the other: a row's bits depend on nobody, and the math library sees one row. */
    OFF
}
