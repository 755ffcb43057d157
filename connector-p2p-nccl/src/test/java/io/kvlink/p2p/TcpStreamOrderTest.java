// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class TcpStreamOrderTest extends StreamOrderCases {
    TcpStreamOrderTest() {
        super("tcp", 0);
    }
}
