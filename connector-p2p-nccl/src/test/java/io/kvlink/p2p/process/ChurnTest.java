// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import java.time.Duration;

final class ChurnTest extends ChurnCases {
    ChurnTest() {
        super("tcp", 0, Duration.ofSeconds(10), 15, 0);
    }
}
