// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class DialledLinksTest {

    private static final long UNUSED_NS = 100;

    private final FakeWire wire = new FakeWire();
    private SideChannel channel;
    private DialledLinks links;

    @BeforeEach
    void open() {
        channel = SideChannel.open("127.0.0.1", new Deaf());
        links = new DialledLinks(channel, wire, "self", UNUSED_NS);
    }

    @AfterEach
    void close() {
        channel.close();
    }

    private static final class Deaf implements SideChannel.Listener {
        @Override
        public void onAccepted(Link link) {}

        @Override
        public void onFrame(Link link, LinkFrame frame) {}

        @Override
        public void onClosed(Link link, String reason) {}
    }

    private String peer(String process) {
        return new GpuEndpoint("", process, 0, 0, "", "", new byte[0], 0, channel.address()).text();
    }

    @Test
    void shouldHaveOneGreetedLinkForEachPeer() {
        Link one = links.dial(peer("1"), 0);
        Link two = links.dial(peer("2"), 0);
        assertThat(links.dial(peer("1"), 0)).isSameAs(one).isNotSameAs(two);
        assertThat(links.find(peer("2"))).isSameAs(two);
        assertThat(links.all()).containsExactlyInAnyOrder(one, two);
        assertThat(wire.greeted).containsExactly(one, two);
    }

    @Test
    void shouldRefuseWhatIsNoEndpoint() {
        assertThatThrownBy(() -> links.dial("tcp;1", 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("endpoint=tcp;1");
    }

    @Test
    void shouldLetGoOfALinkThatTheWireRefuses() {
        wire.refuses = true;
        assertThat(links.dial(peer("1"), 0)).isNull();
        assertThat(links.find(peer("1"))).isNull();
        assertThat(wire.released)
                .singleElement()
                .satisfies(link -> assertThat(link.state).isEqualTo(Link.State.CLOSED));
        wire.refuses = false;
        assertThat(links.dial(peer("1"), 0)).isNotNull();
    }

    @Test
    void shouldForgetALinkAndNotItsSuccessor() {
        Link first = links.dial(peer("1"), 0);
        links.forget(first);
        Link second = links.dial(peer("1"), 0);
        assertThat(second).isNotSameAs(first);
        links.forget(first);
        assertThat(links.find(peer("1"))).isSameAs(second);
    }

    @Test
    void shouldTellLinksThatNothingWasReceivedOnForTooLong() {
        Link idle = links.dial(peer("1"), 0);
        Link busy = links.dial(peer("2"), 0);
        assertThat(links.unused(link -> false, UNUSED_NS)).isEmpty();
        assertThat(links.unused(busy::equals, UNUSED_NS + 1)).containsExactly(idle);
        links.used(idle, UNUSED_NS + 1);
        assertThat(links.unused(link -> false, 2 * UNUSED_NS)).isEmpty();
        links.beginTime(3 * UNUSED_NS);
        assertThat(links.unused(link -> false, 4 * UNUSED_NS)).isEmpty();
        assertThat(links.unused(link -> false, 4 * UNUSED_NS + 1))
                .containsExactlyInAnyOrder(idle, busy);
    }
}
