// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;

/** Choice of the ports that a fleet's processes listen on. */
enum Ports {
    /** The ports that the documents name. Two fleets that start at once may both see one free. */
    AS_DOCUMENTED {
        @Override
        int orAny(int wanted) {
            try (ServerSocket socket = new ServerSocket()) {
                socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), wanted));
                return wanted;
            } catch (IOException taken) {
                return 0;
            }
        }
    },

    /** Any free ports, so that fleets may start at once. */
    FREE {
        @Override
        int orAny(int wanted) {
            return 0;
        }
    };

    /** The port to bind: the wanted one, or 0, by which whoever binds takes any free one. */
    abstract int orAny(int wanted);
}
