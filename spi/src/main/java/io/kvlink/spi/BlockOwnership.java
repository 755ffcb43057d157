// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** Who frees the blocks of a request that ended. */
public enum BlockOwnership {
    /** The engine, now. */
    FREE_NOW,
    /**
     * The connector still reads them; the engine frees them when {@link WorkerReport#sent} says so.
     */
    CONNECTOR_OWNS
}
