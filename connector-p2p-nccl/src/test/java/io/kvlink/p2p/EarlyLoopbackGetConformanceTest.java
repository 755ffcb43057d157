// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class EarlyLoopbackGetConformanceTest extends EarlyLoopback {
    EarlyLoopbackGetConformanceTest() {
        super(SendType.GET);
    }
}
