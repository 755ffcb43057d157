// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/** The reference passes every rule when it pushes. */
final class MemoryPushConnectorTest extends MemoryConnectorSuite {

    MemoryPushConnectorTest() {
        super(Fault.NONE, true, false);
    }
}
