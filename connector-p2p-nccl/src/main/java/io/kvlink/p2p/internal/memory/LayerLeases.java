// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import io.kvlink.spi.MemoryRegion;
import java.util.List;

/** The right to use one region for each of some layers. Whoever holds it closes it, once. */
public interface LayerLeases extends AutoCloseable {

    /** A region for each layer, in order, valid until {@link #close}. */
    List<MemoryRegion> regions();

    /**
     * Gives all of them back.
     *
     * @throws IllegalStateException if it was closed before
     */
    @Override
    void close();
}
