// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.conformance;

import io.kvlink.p2p.SendType;
import org.junit.jupiter.api.Nested;

final class NcclConformanceGpuIT {

    @Nested
    final class PutAsync extends GpuConformance {
        PutAsync() {
            super(SendType.PUT_ASYNC, "nccl", 9, 2);
        }
    }

    @Nested
    final class Put extends GpuConformance {
        Put() {
            super(SendType.PUT, "nccl", 9, 2);
        }
    }

    @Nested
    final class Get extends GpuConformance {
        Get() {
            super(SendType.GET, "nccl", 9, 2);
        }
    }
}
