// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.discovery;

import io.netty.channel.Channel;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The heartbeat connections there are, up to a limit. A peer that has sent a heartbeat keeps its
 * place. A newcomer takes the place of the oldest connection that has not. Discovery's thread only.
 */
// The channel's end is heard of by its close future.
@SuppressWarnings("FutureReturnValueIgnored")
final class PeerLimit {

    private final int limit;
    // In the order in which they came.
    private final Set<Channel> silent = new LinkedHashSet<>();
    private final Set<Channel> heard = new HashSet<>();

    PeerLimit(int limit) {
        this.limit = limit;
    }

    /** Takes a new connection in, or closes it. */
    boolean admit(Channel channel) {
        if (silent.size() + heard.size() >= limit) {
            Iterator<Channel> oldest = silent.iterator();
            if (!oldest.hasNext()) {
                channel.close();
                return false;
            }
            Channel giveWay = oldest.next();
            oldest.remove();
            giveWay.close();
        }
        silent.add(channel);
        channel.closeFuture()
                .addListener(
                        closed -> {
                            silent.remove(channel);
                            heard.remove(channel);
                        });
        return true;
    }

    /** The connection has sent a heartbeat. */
    void onHeard(Channel channel) {
        if (silent.remove(channel)) {
            heard.add(channel);
        }
    }
}
