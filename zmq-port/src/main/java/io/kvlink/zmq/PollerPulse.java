// SPDX-License-Identifier: Apache-2.0
package io.kvlink.zmq;

import java.nio.channels.spi.AbstractSelectableChannel;
import java.nio.channels.spi.SelectorProvider;
import zmq.poll.IPollEvents;
import zmq.poll.Poller;

/**
 * Makes JeroMQ's poller look through its channels every {@value #PERIOD_MS} ms. Lives on JeroMQ's
 * thread.
 *
 * <p>JeroMQ 0.6.0 loses some 2 % of fresh connections without it: when the connecter's channel goes
 * over to the engine within one pass of the poller, the channel's key is cancelled and no new one
 * made, so the peer's greeting is never read (zeromq/jeromq#1022). Another look makes the key.
 */
final class PollerPulse implements IPollEvents {

    private static final int PERIOD_MS = 20;
    private static final int TIMER = 0x6b76;

    private final Poller poller;
    // Never in the poller's table: changing its operations only asks for the look.
    private final Poller.Handle handle = new Poller.Handle(new NoChannel(), this);

    private PollerPulse(Poller poller) {
        this.poller = poller;
    }

    /** Called on the thread that is about to run the poller. */
    static void start(Runnable work) {
        if (work instanceof Poller poller) {
            poller.addTimer(PERIOD_MS, new PollerPulse(poller), TIMER);
        }
    }

    @Override
    public void timerEvent(int id) {
        poller.resetPollIn(handle);
        poller.addTimer(PERIOD_MS, this, TIMER);
    }

    private static final class NoChannel extends AbstractSelectableChannel {

        NoChannel() {
            super(SelectorProvider.provider());
        }

        @Override
        public int validOps() {
            return 0;
        }

        @Override
        protected void implCloseSelectableChannel() {}

        @Override
        protected void implConfigureBlocking(boolean block) {}
    }
}
