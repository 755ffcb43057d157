// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class TcpPutAsyncConformanceTest extends P2pConformance {
    TcpPutAsyncConformanceTest() {
        super(SendType.PUT_ASYNC, "tcp");
    }
}
