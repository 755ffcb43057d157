// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class EarlyLoopbackPutAsyncConformanceTest extends EarlyLoopback {
    EarlyLoopbackPutAsyncConformanceTest() {
        super(SendType.PUT_ASYNC);
    }
}
