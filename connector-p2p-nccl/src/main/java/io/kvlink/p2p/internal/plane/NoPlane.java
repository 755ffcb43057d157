// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;

/** The place of a plane that the engine rules out. */
public record NoPlane(String name, String reason) implements DataPlaneFactory {

    @Override
    public Availability availability() {
        return Availability.missing(reason);
    }

    @Override
    public DataPlane open() {
        throw new KvConnectorException(KvError.UNAVAILABLE, "plane=" + name + ": " + reason);
    }
}
