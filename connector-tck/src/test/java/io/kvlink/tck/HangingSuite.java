// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvConnectorProvider;
import java.time.Duration;

/**
 * The contract over a connector of which one call never returns; run by tests only. Limits are
 * short only while a call hangs, so that a busy machine breaks none.
 */
final class HangingSuite extends MemoryConnectorSuite {

    /** Name of the method that never returns. Set before the launcher runs, on the same thread. */
    static String hangsIn = "";

    /** True if the limit of a test is reached before that of the call. */
    static boolean limitsTests;

    private static final Duration SHORT = Duration.ofMillis(200);
    private static final Duration LONG = Duration.ofMinutes(1);

    HangingSuite() {
        super(Fault.NONE, true, false);
    }

    @Override
    protected KvConnectorProvider provider() {
        return HangingConnector.provider(super.provider(), hangsIn);
    }

    @Override
    protected Duration callLimit() {
        return HangingConnector.hangs() && !limitsTests ? SHORT : LONG;
    }

    @Override
    protected Duration testLimit() {
        return HangingConnector.hangs() && limitsTests ? SHORT : LONG;
    }
}
