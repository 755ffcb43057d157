// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.dataplane;

class TcpPlaneContractTest extends DataPlaneContract {

    @Override
    DataPlane newPlane() {
        return TcpPlane.open(TcpPlaneConfig.usual("127.0.0.1", 0, ""));
    }

    @Override
    boolean parks(DataPlane plane) {
        return ((TcpPlane) plane).parks();
    }
}
