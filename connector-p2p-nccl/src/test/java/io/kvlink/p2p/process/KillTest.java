// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import java.time.Duration;

final class KillTest extends KillCases {
    KillTest() {
        super("tcp", 0, Duration.ofSeconds(8));
    }
}
