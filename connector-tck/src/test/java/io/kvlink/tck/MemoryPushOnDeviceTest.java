// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/** The reference passes every rule when it pushes, on a device. */
final class MemoryPushOnDeviceTest extends MemoryConnectorSuite {

    MemoryPushOnDeviceTest() {
        super(Fault.NONE, true, true);
    }
}
