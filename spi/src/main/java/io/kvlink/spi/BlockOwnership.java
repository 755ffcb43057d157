// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** Owner of the blocks of a request that ended: the one who frees them. */
public enum BlockOwnership {
    /** The engine, now. */
    FREE_NOW,
    /**
     * The connector still reads them; the engine frees them when {@link WorkerReport#sent} says so.
     */
    CONNECTOR_OWNS
}
