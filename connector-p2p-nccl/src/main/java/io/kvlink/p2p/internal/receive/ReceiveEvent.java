// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Something that happened to a transfer on its way in, with all facts that matter. */
sealed interface ReceiveEvent {

    /** When it happened. */
    Moment at();

    /** The step that a state makes. */
    Step applyTo(Receipt state);

    // From the engine.

    record Asked(Moment at, Expectation request) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record Released(Moment at, Expectation request) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record Closed(Moment at) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    // From peers.

    /**
     * An offer.
     *
     * @param at when
     * @param by through which session
     * @param tokens length in tokens
     * @param digest the prompt's digest
     * @param whole whether it is for all layers
     * @param tail whether there will be the token behind them, too
     */
    record Offered(Moment at, Session by, int tokens, long digest, boolean whole, boolean tail)
            implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record Saved(Moment at, Session by) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record Attached(Moment at, Session by, long ticket, Optional<ByteBuffer> content)
            implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record Cancelled(Moment at, Session by, KvError error, String detail) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }

        /** Why the transfer fails. */
        Expectation.Failed why() {
            return new Expectation.Failed(error, "told by the peer: " + detail);
        }
    }

    record CallOpened(Moment at, Session call) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record SessionEnded(Moment at, Session session, Expectation.Failed why)
            implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    // Results of effects.

    record Reserved(Moment at, Ticket ticket) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record NoRoom(Moment at) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record TooLarge(Moment at, String detail) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record GrantLost(Moment at) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    // From the device, in order: some chunks, then one of the other two.

    record ChunkReceived(Moment at) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record Received(Moment at) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    record ReceiveFailed(Moment at, long bytes, Expectation.Failed why) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }

    // From the clock.

    record DeadlinePassed(Moment at) implements ReceiveEvent {
        @Override
        public Step applyTo(Receipt state) {
            return state.on(this);
        }
    }
}
