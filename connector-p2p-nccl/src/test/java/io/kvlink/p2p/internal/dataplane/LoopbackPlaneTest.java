// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.dataplane;

class LoopbackPlaneTest extends DataPlaneContract {

    @Override
    DataPlane newPlane() {
        return LoopbackPlane.open();
    }

    @Override
    boolean parks(DataPlane plane) {
        return ((LoopbackPlane) plane).parks();
    }
}
