// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class TcpPutConformanceTest extends P2pConformance {
    TcpPutConformanceTest() {
        super(SendType.PUT, "tcp");
    }
}
