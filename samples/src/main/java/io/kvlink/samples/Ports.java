// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;

/** Ports of this machine. */
final class Ports {

    private Ports() {}

    /** The wanted port if nobody has it, else 0: whoever binds takes any free one. */
    static int wantedOrAny(int wanted) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), wanted));
            return wanted;
        } catch (IOException taken) {
            return 0;
        }
    }
}
