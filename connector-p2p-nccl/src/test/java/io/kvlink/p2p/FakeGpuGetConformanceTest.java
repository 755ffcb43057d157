// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class FakeGpuGetConformanceTest extends FakeGpuConformance {
    FakeGpuGetConformanceTest() {
        super(SendType.GET);
    }
}
