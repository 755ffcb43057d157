// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StandingGrantsTest {

    private final ReceiveFixtures fixtures = new ReceiveFixtures();
    private final Ticket ticket = fixtures.ticket;

    @Test
    void shouldHoldAtMostHalfOfTheMemoryUntilATicketEnds() {
        StandingGrants grants = new StandingGrants(4 * ticket.bytes());
        grants.add(ticket);
        assertThat(grants.admits(fixtures.own, ticket.bytes())).isTrue();
        assertThat(grants.admits(fixtures.own, ticket.bytes() + 1)).isFalse();
        grants.add(fixtures.tailed);
        assertThat(grants.admits(fixtures.own, 1)).isFalse();
        grants.onEnded(ticket.number());
        assertThat(grants.admits(fixtures.own, ticket.bytes())).isTrue();
    }

    @Test
    void shouldIgnoreTheEndOfATicketThatAnsweredAnOffer() {
        StandingGrants grants = new StandingGrants(2 * ticket.bytes());
        grants.add(ticket);
        grants.onEnded(fixtures.tailed.number());
        assertThat(grants.admits(fixtures.own, 1)).isFalse();
    }
}
