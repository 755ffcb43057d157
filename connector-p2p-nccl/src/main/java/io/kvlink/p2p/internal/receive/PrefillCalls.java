// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.spi.HostPort;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * The calls to prefill instances: to fetch, and to hear soon if nobody is there. Owns what a
 * transfer knows of its call: {@link Inbound#interest}, {@link Inbound#fetched} and {@link
 * Inbound#stood}. A transfer has one call at a time, which counts among its session's transfers
 * until it is let go; through each call FETCH goes out once, with a standing grant at most the
 * first time. Control thread only.
 */
final class PrefillCalls {

    private final Sessions sessions;
    private final Grants grants;
    private final LongSupplier clock;

    PrefillCalls(Sessions sessions, Grants grants, LongSupplier clock) {
        this.sessions = sessions;
        this.grants = grants;
        this.clock = clock;
    }

    /** Calls the prefill instance. */
    void ask(Inbound inbound, HostPort prefill) {
        Session interest = sessions.dial(prefill);
        interest.join();
        inbound.interest = interest;
        inbound.stood = false;
        inbound.fetched = false;
        fetch(inbound);
    }

    /** Says "send me this" once the session is there, under a standing grant if there is room. */
    void fetch(Inbound inbound) {
        Session interest = inbound.interest;
        if (interest == null || !interest.open() || inbound.fetched) {
            return;
        }
        if (inbound.state == ReceiveState.EXPECTED && inbound.session == null && !inbound.stood) {
            Expectation expectation = inbound.expectation;
            inbound.tail = expectation != null && expectation.request().attachment();
            grants.stand(inbound, interest);
            if (inbound.state == ReceiveState.STANDING) {
                inbound.take(interest);
                inbound.startedNs = clock.getAsLong();
            }
        }
        boolean waits = inbound.state == ReceiveState.EXPECTED && inbound.session == null;
        if (waits || inbound.state == ReceiveState.STANDING) {
            inbound.fetched =
                    sessions.send(
                            interest,
                            new Frame.Fetch(
                                    inbound.id,
                                    inbound.tokens,
                                    inbound.digest,
                                    inbound.ticket,
                                    inbound.ticket != 0 && inbound.tail));
        }
    }

    /** The call's session is gone, and its peer may be there again: calls it anew. */
    void askAnew(Inbound inbound, Session ended) {
        ended.leave(clock.getAsLong());
        ask(inbound, ended.address());
    }

    /**
     * Nothing came under a standing grant, and nothing will: perhaps the sender hasn't begun. One
     * that has is told by the call without a ticket, and gives up.
     */
    void askAgain(Inbound inbound) {
        Session session = inbound.session();
        grants.unstand(inbound);
        inbound.closeLeases();
        inbound.ticket = 0;
        // Of the old ticket's sender; the next one says it anew.
        inbound.saved = false;
        inbound.attached = false;
        inbound.attachment = Optional.empty();
        inbound.session = null;
        session.leave(clock.getAsLong());
        inbound.moveTo(ReceiveState.EXPECTED);
        Session offered = inbound.offeredOn;
        inbound.offeredOn = null;
        if (offered != null && offered.open()) {
            sessions.send(offered, new Frame.Busy(inbound.id, Inbox.BUSY_MS));
        }
        if (session.open()) {
            inbound.stood = true;
            inbound.fetched = false;
            fetch(inbound);
        } else {
            askAnew(inbound, session); // As the one that was asked.
        }
    }
}
