// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class LoopbackGetConformanceTest extends P2pConformance {
    LoopbackGetConformanceTest() {
        super(SendType.GET, "loopback");
    }
}
