// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.conformance;

import io.kvlink.p2p.SendType;
import io.kvlink.p2p.TestConnectors;
import io.kvlink.spi.KvConnectorProvider;
import org.junit.jupiter.api.Nested;

/** The conformance suite where loads begin while layers travel, as between GPUs. */
final class EarlyLoopbackConformanceTest {

    private abstract static class Early extends P2pConformance {
        Early(SendType sendType) {
            super(sendType, "loopback");
        }

        @Override
        protected KvConnectorProvider provider() {
            return TestConnectors.thatLoadEarly();
        }
    }

    @Nested
    final class PutAsync extends Early {
        PutAsync() {
            super(SendType.PUT_ASYNC);
        }
    }

    @Nested
    final class Put extends Early {
        Put() {
            super(SendType.PUT);
        }
    }

    @Nested
    final class Get extends Early {
        Get() {
            super(SendType.GET);
        }
    }
}
