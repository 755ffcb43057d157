// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.loopback;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlaneContract;

class LoopbackPlaneTest extends DataPlaneContract {

    @Override
    protected DataPlane newPlane() {
        return LoopbackPlane.open();
    }

    @Override
    protected boolean parks(DataPlane plane) {
        return ((LoopbackPlane) plane).parks();
    }
}
