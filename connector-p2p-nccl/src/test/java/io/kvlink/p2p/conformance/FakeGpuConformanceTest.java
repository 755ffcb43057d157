// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.conformance;

import io.kvlink.p2p.SendType;
import org.junit.jupiter.api.Nested;

final class FakeGpuConformanceTest {

    @Nested
    final class PutAsync extends FakeGpuConformance {
        PutAsync() {
            super(SendType.PUT_ASYNC);
        }
    }

    @Nested
    final class Get extends FakeGpuConformance {
        Get() {
            super(SendType.GET);
        }
    }
}
