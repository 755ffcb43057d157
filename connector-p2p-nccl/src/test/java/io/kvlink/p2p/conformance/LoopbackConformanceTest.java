// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.conformance;

import io.kvlink.p2p.SendType;
import org.junit.jupiter.api.Nested;

final class LoopbackConformanceTest {

    @Nested
    final class PutAsync extends P2pConformance {
        PutAsync() {
            super(SendType.PUT_ASYNC, "loopback");
        }
    }

    @Nested
    final class Put extends P2pConformance {
        Put() {
            super(SendType.PUT, "loopback");
        }
    }

    @Nested
    final class Get extends P2pConformance {
        Get() {
            super(SendType.GET, "loopback");
        }
    }
}
