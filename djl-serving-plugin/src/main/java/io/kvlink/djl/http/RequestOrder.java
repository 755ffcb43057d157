// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.util.AttributeKey;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Keeps the responses of one channel apart. HTTP/1.1 lets a client send its next request before it
 * has the last answer, and answers must not interleave. On the channel's event loop only.
 */
final class RequestOrder {

    /** Most requests that wait for the one before; a client that sends more is cut off. */
    static final int MAX_WAITING = 8;

    private static final AttributeKey<RequestOrder> KEY =
            AttributeKey.valueOf(RequestOrder.class, "order");

    /** One request. Exactly one of its methods is called, once. */
    interface Turn {
        /** Lets it be answered; whoever answers calls {@link RequestOrder#done()}. */
        void begin();

        /** Gives it up, as the channel is gone. */
        void drop();
    }

    private final Channel channel;
    private final Queue<Turn> waiting = new ArrayDeque<>();

    private boolean busy;

    private RequestOrder(Channel channel) {
        this.channel = channel;
    }

    /** The order of a channel, made at its first request. */
    static RequestOrder of(Channel channel) {
        RequestOrder order = channel.attr(KEY).get();
        if (order == null) {
            RequestOrder made = new RequestOrder(channel);
            channel.attr(KEY).set(made);
            // DJL Serving's connections end with a reset, which takes back what wasn't read yet.
            channel.config().setOption(ChannelOption.SO_LINGER, -1);
            channel.closeFuture().addListener(closed -> made.dropAll());
            return made;
        }
        return order;
    }

    void add(Turn turn) {
        if (!busy) {
            busy = true;
            turn.begin();
        } else if (waiting.size() < MAX_WAITING) {
            waiting.add(turn);
        } else {
            turn.drop();
            ChannelFuture unused = channel.close();
        }
    }

    /** The last begun request is answered, and the channel stays open. */
    void done() {
        Turn next = waiting.poll();
        busy = next != null;
        if (next != null) {
            next.begin();
        }
    }

    private void dropAll() {
        for (Turn turn; (turn = waiting.poll()) != null; ) {
            turn.drop();
        }
    }
}
