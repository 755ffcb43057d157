// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/** The reference store passes every rule that is meant for stores. */
final class MemoryStoreTest extends StoreSuite {

    MemoryStoreTest() {
        super(StoreFault.NONE);
    }
}
