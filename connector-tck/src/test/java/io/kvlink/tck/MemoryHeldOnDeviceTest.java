// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/** The reference passes every rule when it holds KV, on a device. */
final class MemoryHeldOnDeviceTest extends MemoryConnectorSuite {

    MemoryHeldOnDeviceTest() {
        super(Fault.NONE, false, true);
    }
}
