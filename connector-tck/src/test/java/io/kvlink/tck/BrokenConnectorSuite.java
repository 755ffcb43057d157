// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/** The contract over a broken connector; run by {@link BrokenConnectorsTest} only. */
final class BrokenConnectorSuite extends MemoryConnectorSuite {

    static final long LEAK_GRACE_MS = 500;

    /** Fault of the connector under test. Set before the launcher runs, on the same thread. */
    static Fault broken = Fault.NONE;

    BrokenConnectorSuite() {
        super(broken, broken.push(), broken.onDevice());
    }

    @Override
    long leakGraceMs() {
        return LEAK_GRACE_MS;
    }
}
