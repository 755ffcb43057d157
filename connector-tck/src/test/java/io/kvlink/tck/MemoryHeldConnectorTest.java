// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/** The reference passes every rule when it holds KV until it is fetched. */
final class MemoryHeldConnectorTest extends MemoryConnectorSuite {

    MemoryHeldConnectorTest() {
        super(Fault.NONE, false, false);
    }
}
