// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;

/** Opens planes of one kind, or says why this machine has none. */
public interface DataPlaneFactory {

    /** The planes' {@link DataPlane#name}. */
    String name();

    /** Tells whether {@link #open} can work here. Probes; keep the answer. */
    Availability availability();

    /**
     * Opens a plane.
     *
     * @return a plane of its own; the caller closes it
     * @throws KvConnectorException with {@link KvError#UNAVAILABLE} if it isn't available
     */
    DataPlane open();
}
