// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.loopback;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlaneFactory;
import io.kvlink.spi.Availability;

/** Opens {@link LoopbackPlane}s. Always available. */
public final class LoopbackPlaneFactory implements DataPlaneFactory {

    @Override
    public String name() {
        return LoopbackPlane.NAME;
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public DataPlane open() {
        return LoopbackPlane.open();
    }
}
