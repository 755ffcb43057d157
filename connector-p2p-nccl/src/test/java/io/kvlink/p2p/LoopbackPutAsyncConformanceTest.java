// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class LoopbackPutAsyncConformanceTest extends P2pConformance {
    LoopbackPutAsyncConformanceTest() {
        super(SendType.PUT_ASYNC, "loopback");
    }
}
