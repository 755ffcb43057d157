// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class TicketsTest {

    @Test
    void shouldGiveNoTicketThatFollowsFromAnother() {
        Tickets tickets = new Tickets();
        Tickets others = new Tickets();
        Set<Long> seen = new HashSet<>();
        long setBits = 0;
        for (int i = 0; i < 1000; i++) {
            for (long ticket : List.of(tickets.take(), others.take())) {
                assertThat(ticket).isPositive();
                assertThat(seen).doesNotContain(ticket - 1, ticket, ticket + 1);
                seen.add(ticket);
                setBits += Long.bitCount(ticket);
            }
        }
        // Half of 63 bits each; 20 standard deviations around it.
        assertThat(setBits).isBetween(63_000L - 3_600, 63_000L + 3_600);
    }

    @Test
    void shouldGiveNeitherZeroNorALiveTicket() {
        List<Integer> script = new ArrayList<>(List.of(0, 4, 0, 4, 4, 6));
        RandomGenerator scripted =
                new RandomGenerator() {
                    @Override
                    public long nextLong() {
                        throw new AssertionError("bytes are drawn");
                    }

                    @Override
                    public void nextBytes(byte[] bytes) {
                        for (int i = 0; i < bytes.length; i++) {
                            boolean last = i % Long.BYTES == Long.BYTES - 1;
                            bytes[i] = last && !script.isEmpty() ? script.remove(0).byteValue() : 0;
                        }
                    }
                };
        Tickets tickets = new Tickets(scripted);
        assertThat(tickets.take()).isEqualTo(2);
        assertThat(tickets.take()).as("not 0, and not 2 again").isEqualTo(3);
    }

    @Test
    void shouldGiveATicketAgainWhenItHasEnded() {
        int[] next = {2};
        Tickets tickets =
                new Tickets(
                        new RandomGenerator() {
                            @Override
                            public long nextLong() {
                                return next[0];
                            }
                        });
        long first = tickets.take();
        tickets.release(first);
        assertThat(tickets.take()).isEqualTo(first);
    }
}
