// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class TcpGetConformanceTest extends P2pConformance {
    TcpGetConformanceTest() {
        super(SendType.GET, "tcp");
    }
}
