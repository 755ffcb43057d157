// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Links of a node that dials itself, at moments that a test chooses. */
final class LinkEndsTest {

    private static final long DEADLINE_NS = TimeUnit.SECONDS.toNanos(20);
    private static final long SOON_NS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long LATE_NS = TimeUnit.SECONDS.toNanos(6);

    private final FakeWire wire = new FakeWire();
    private final List<Link> accepted = new ArrayList<>();
    private final List<LinkFrame> heard = new ArrayList<>();
    private final List<Link> ended = new ArrayList<>();
    private SideChannel channel;
    private LinkEnds ends;
    private Link later;

    @BeforeEach
    void open() {
        channel = SideChannel.open("127.0.0.1", new Recorder());
        ends = new LinkEnds(channel, wire, ended::add, link -> later);
    }

    @AfterEach
    void close() {
        channel.close();
    }

    private final class Recorder implements SideChannel.Listener {
        @Override
        public void onAccepted(Link link) {
            accepted.add(link);
        }

        @Override
        public void onFrame(Link link, LinkFrame frame) {
            heard.add(frame);
        }

        @Override
        public void onClosed(Link link, String reason) {}
    }

    /** A dialled link that is open at both ends; the other end is the last accepted one. */
    private Link dialled() throws IOException {
        GpuEndpoint self = new GpuEndpoint("", "", 0, 0, "", "", new byte[0], 0, channel.address());
        Link link = channel.dial(self, self.text(), self.text());
        int wanted = accepted.size() + 1;
        long deadlineNs = System.nanoTime() + DEADLINE_NS;
        while (accepted.size() < wanted || !link.open()) {
            step(deadlineNs);
        }
        return link;
    }

    private Link accepted() throws IOException {
        dialled();
        return accepted.get(accepted.size() - 1);
    }

    private LinkFrame nextFrame() {
        long deadlineNs = System.nanoTime() + DEADLINE_NS;
        while (heard.isEmpty()) {
            step(deadlineNs);
        }
        return heard.remove(0);
    }

    private void step(long deadlineNs) {
        assertThat(System.nanoTime()).isLessThan(deadlineNs);
        channel.idle(1_000_000);
        channel.poll(System.nanoTime());
    }

    @Test
    void shouldEndALinkThatNeverOpenedAtOnce() throws IOException {
        GpuEndpoint self = new GpuEndpoint("", "", 0, 0, "", "", new byte[0], 0, channel.address());
        Link link = channel.dial(self, self.text(), self.text());
        link.wasOpen = false;
        assertThat(ends.leave(link, 0)).isTrue();
        assertThat(ends.poll(0)).isOne();
        assertThat(ended).containsExactly(link);
        assertThat(ends.isEmpty()).isTrue();
    }

    @Test
    void shouldSayByeWhenTheGpuIsDoneAndEndWhenThePeerHasSaidIt() throws IOException {
        Link link = dialled();
        wire.busy.add(link);
        assertThat(ends.leave(link, 0)).isTrue();
        assertThat(ends.leave(link, 0)).isFalse();
        ends.poll(0);
        assertThat(link.byeSaid).isFalse();
        wire.busy.clear();
        ends.poll(0);
        assertThat(link.byeSaid).isTrue();
        assertThat(ended).isEmpty();
        assertThat(nextFrame()).isEqualTo(new LinkFrame.Bye());
        link.byeHeard = true;
        ends.poll(0);
        assertThat(ended).containsExactly(link);
    }

    @Test
    void shouldCountADialledLinkAsLostWhosePeerNeverSaysBye() throws IOException {
        Link link = dialled();
        ends.leave(link, 0);
        ends.poll(0);
        ends.poll(LATE_NS);
        assertThat(ends).hasToString("leaving=[] lost=[" + link + "]");
        assertThat(ended).isEmpty();
    }

    @Test
    void shouldEndALostAcceptedLinkWhenTheGpuIsDone() throws IOException {
        Link link = accepted();
        wire.busy.add(link);
        assertThat(ends.onClosed(link, 0)).isTrue();
        ends.poll(SOON_NS);
        assertThat(ended).isEmpty();
        wire.busy.clear();
        ends.poll(SOON_NS);
        assertThat(ended).containsExactly(link);
    }

    @Test
    void shouldKeepALostDialledLinkUntilItsPeerHasSettled() throws IOException {
        Link link = dialled();
        later = dialled();
        ends.onClosed(link, 0);
        ends.poll(SOON_NS);
        assertThat(later.asked).isTrue();
        assertThat(nextFrame()).isEqualTo(new LinkFrame.Settle());
        assertThat(ended).isEmpty();
        ends.onSettled(link); // It settles what was before it, and not itself.
        ends.poll(2 * SOON_NS);
        assertThat(ended).isEmpty();
        ends.onSettled(later);
        ends.poll(3 * SOON_NS);
        assertThat(ended).containsExactly(link);
    }

    @Test
    void shouldEndALostDialledLinkWhosePeerCantWrite() throws IOException {
        Link link = dialled();
        ends.onClosed(link, 0);
        wire.dead.add(link);
        ends.poll(SOON_NS);
        assertThat(ended).containsExactly(link);
    }

    @Test
    void shouldTakeARefusedCallForAnEndOnlyLongAfterTheLoss() throws IOException {
        Link link = dialled();
        Link refused = dialled();
        ends.onClosed(link, 0);
        ends.onRefused(refused, SOON_NS);
        ends.poll(SOON_NS);
        assertThat(ended).isEmpty();
        ends.onRefused(refused, LATE_NS);
        ends.poll(LATE_NS);
        assertThat(ended).containsExactly(link);
    }

    @Test
    void shouldAnswerThatAllBeforeALinkIsSettledOnlyWhenItIs() throws IOException {
        Link before = accepted();
        Link asks = accepted();
        wire.busy.add(before);
        ends.onClosed(before, 0);
        ends.onSettle(asks);
        assertThat(ends.poll(0)).isZero();
        wire.busy.clear();
        ends.poll(0);
        assertThat(nextFrame()).isEqualTo(new LinkFrame.Settled());
    }
}
