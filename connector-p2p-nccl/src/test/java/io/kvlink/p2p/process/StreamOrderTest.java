// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

final class StreamOrderTest extends StreamOrderCases {
    StreamOrderTest() {
        super("tcp", 0);
    }
}
