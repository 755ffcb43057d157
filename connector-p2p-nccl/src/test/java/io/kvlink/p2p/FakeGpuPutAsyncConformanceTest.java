// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class FakeGpuPutAsyncConformanceTest extends FakeGpuConformance {
    FakeGpuPutAsyncConformanceTest() {
        super(SendType.PUT_ASYNC);
    }
}
