// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.spi.KvRole;

/** GPU of each engine of the tests: producers are on the first, consumers on the second. */
final class GpuPlacement {

    private GpuPlacement() {}

    /** The second one is the first where there is no other. */
    static int of(KvRole role) {
        return role.consumes() && DriverDevice.count() > 1 ? 1 : 0;
    }
}
