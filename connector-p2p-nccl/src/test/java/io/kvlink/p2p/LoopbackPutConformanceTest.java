// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class LoopbackPutConformanceTest extends P2pConformance {
    LoopbackPutConformanceTest() {
        super(SendType.PUT, "loopback");
    }
}
