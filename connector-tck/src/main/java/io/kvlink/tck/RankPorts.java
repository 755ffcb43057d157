// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/** Ports for the ranks of one instance, which share a {@code kv_port} and add their numbers. */
public final class RankPorts {

    // Below the ports that the system gives to those who ask for any.
    private static final int FIRST = 15_000;
    private static final int LAST = 31_000;

    private RankPorts() {}

    /**
     * The first of some neighbouring ports that nobody listens on.
     *
     * @param count how many, at least 1
     */
    public static int free(int count) {
        int begin = ThreadLocalRandom.current().nextInt(FIRST, LAST);
        for (int port = begin; port < LAST; port += count) {
            if (free(port, count)) {
                return port;
            }
        }
        throw new IllegalStateException("no " + count + " free ports behind " + begin);
    }

    private static boolean free(int first, int count) {
        for (int port = first; port < first + count; port++) {
            try (ServerSocket socket = new ServerSocket()) {
                socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            } catch (BindException taken) {
                return false;
            } catch (IOException cause) {
                throw new UncheckedIOException(cause);
            }
        }
        return true;
    }
}
