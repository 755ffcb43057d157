// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.util.Optional;

/** Something to be done for a transfer on its way in. */
sealed interface ReceiveEffect {

    /** Does what effects say. Control thread only. */
    interface Runner {
        void run(Dial dial);

        void run(ReserveAhead reserve);

        void run(Reserve reserve);

        void run(Post post);

        void run(SendFetch fetch);

        void run(SendGrant grant);

        void run(Send send);

        void run(CancelReceive cancel);

        void run(CloseLeases close);

        void run(Tell tell);

        void run(Wake wake);

        void run(CountFailed failed);

        void run(CountReceived received);

        void run(Warn warn);
    }

    /** Has it done. */
    void run(Runner runner);

    /** Calls the prefill instance; {@link ReceiveEvent.CallOpened} once both sides agree. */
    record Dial(TransferId id, HostPort prefill) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Leases memory for a standing grant; {@link ReceiveEvent.Reserved} or NoRoom follows. */
    record ReserveAhead(Subject subject, Session call, boolean tail) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Leases memory for an offer; {@link ReceiveEvent.Reserved}, NoRoom or TooLarge follows. */
    record Reserve(Subject subject, Session by, boolean tail, long startedNs)
            implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Has the device receive under a ticket. */
    record Post(Subject subject, Ticket ticket) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Asks for the transfer, under a standing grant if there is one; again until it is sent. */
    record SendFetch(Subject subject, Session call, Optional<Ticket> ticket)
            implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Answers an offer; {@link ReceiveEvent.GrantLost} follows if it can't be sent. */
    record SendGrant(Subject subject, Ticket ticket) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Sends a frame, unless the session is over. */
    record Send(Session to, Frame frame) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Has the device let go of the memory; it still reports how the ticket ended. */
    record CancelReceive(Ticket ticket) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Frees the memory: neither the device nor a request has it any more. */
    record CloseLeases(Ticket ticket) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Gives a request the word that it waits for. */
    record Tell(Expectation request, Expectation.Status word) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Wakes an engine that reads. */
    record Wake() implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Counts a failure, logs it, and tells whoever waits for a layer. */
    record CountFailed(Subject subject, Expectation.Failed why, TransferOutcome outcome)
            implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Counts a transfer that came whole. */
    record CountReceived(Subject subject, Ticket ticket) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }

    /** Logs that nobody has asked for a transfer that came. */
    record Warn(TransferId unclaimed) implements ReceiveEffect {
        @Override
        public void run(Runner runner) {
            runner.run(this);
        }
    }
}
