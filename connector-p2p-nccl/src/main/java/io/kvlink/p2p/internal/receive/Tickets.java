// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.HashSet;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * Source of tickets that nobody guesses: 63 random bits, none of them 0, which stands for no
 * ticket. A ticket isn't given again while it lives. Control thread only.
 */
final class Tickets {

    // One call of the generator for so many tickets: it may be a system call.
    private static final int DRAWN_AT_ONCE = 64;

    private final RandomGenerator random;
    private final ByteBuffer drawn = ByteBuffer.allocate(DRAWN_AT_ONCE * Long.BYTES).flip();
    private final Set<Long> live = new HashSet<>();

    Tickets() {
        this(new SecureRandom());
    }

    Tickets(RandomGenerator random) {
        this.random = random;
    }

    /** A new ticket; it lives until it is released. */
    long take() {
        long ticket;
        do {
            ticket = draw();
        } while (ticket == 0 || !live.add(ticket));
        return ticket;
    }

    /** A ticket has ended. */
    void release(long ticket) {
        live.remove(ticket);
    }

    private long draw() {
        if (!drawn.hasRemaining()) {
            random.nextBytes(drawn.array());
            drawn.clear();
        }
        return drawn.getLong() >>> 1;
    }
}
