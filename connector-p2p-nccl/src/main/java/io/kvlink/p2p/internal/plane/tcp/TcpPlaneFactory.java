// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlaneFactory;
import io.kvlink.spi.Availability;

/** Opens {@link TcpPlane}s. Always available. */
public record TcpPlaneFactory(TcpPlaneConfig config) implements DataPlaneFactory {

    @Override
    public String name() {
        return TcpPlane.NAME;
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public DataPlane open() {
        return TcpPlane.open(config);
    }
}
