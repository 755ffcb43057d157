// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.conformance;

import io.kvlink.p2p.SendType;
import org.junit.jupiter.api.Nested;

final class CudaIpcConformanceGpuIT {

    @Nested
    final class PutAsync extends GpuConformance {
        PutAsync() {
            super(SendType.PUT_ASYNC, "cuda-ipc", 3, 1);
        }
    }

    @Nested
    final class Put extends GpuConformance {
        Put() {
            super(SendType.PUT, "cuda-ipc", 3, 1);
        }
    }

    @Nested
    final class Get extends GpuConformance {
        Get() {
            super(SendType.GET, "cuda-ipc", 3, 1);
        }
    }
}
