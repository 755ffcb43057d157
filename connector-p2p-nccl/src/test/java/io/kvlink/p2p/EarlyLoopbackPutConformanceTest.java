// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class EarlyLoopbackPutConformanceTest extends EarlyLoopback {
    EarlyLoopbackPutConformanceTest() {
        super(SendType.PUT);
    }
}
