// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/** The contract over a broken store; run by {@link BrokenConnectorsTest} only. */
final class BrokenStoreSuite extends StoreSuite {

    /** Fault of the store under test. Set before the launcher runs, on the same thread. */
    static StoreFault broken = StoreFault.NONE;

    BrokenStoreSuite() {
        super(broken);
    }
}
