// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class PullTurnsTest {

    private static final long GROUP_BYTES = 1000;

    private final PullTurns lane = new PullTurns(GROUP_BYTES);
    private SideChannel channel;
    private Link one;
    private Link other;

    @BeforeEach
    void openLinks() throws IOException {
        channel = SideChannel.open("127.0.0.1", new Deaf());
        one = newLink();
        other = newLink();
    }

    private Link newLink() throws IOException {
        GpuEndpoint self = new GpuEndpoint("", "", 0, 0, "", "", new byte[0], 0, channel.address());
        return channel.dial(self, self.text(), self.text());
    }

    @AfterEach
    void closeLinks() {
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

    private void pull(Link link, int parts, long bytes) {
        assertThat(lane.open(link)).isTrue();
        lane.add(bytes);
        lane.pulled(link, parts);
    }

    @Test
    void shouldServeOneSenderUntilAllOfItsPartsAreHere() {
        pull(one, 3, 100);
        assertThat(lane.open(other)).isFalse();
        pull(one, 2, 100);
        lane.landed(one, 3);
        assertThat(lane.open(other)).isFalse();
        assertThat(lane.open(one)).isTrue();
        lane.landed(one, 2);
        assertThat(lane.open(other)).isTrue();
        assertThat(lane.open(one)).isTrue();
    }

    @Test
    void shouldKeepAFewGroupsOut() {
        int groups = 0;
        while (lane.open(one)) {
            pull(one, 1, 1);
            groups++;
        }
        assertThat(groups).isEqualTo(8);
        assertThat(lane.open(other)).isFalse();
        lane.landed(one, 1);
        assertThat(lane.open(one)).isTrue();
    }

    @Test
    void shouldFillAGroupUpToItsSize() {
        assertThat(lane.open(one)).isTrue();
        assertThat(lane.admits(Long.MAX_VALUE, true)).isTrue();
        lane.add(GROUP_BYTES - 1);
        assertThat(lane.admits(1, false)).isTrue();
        assertThat(lane.admits(2, false)).isFalse();
        lane.pulled(one, 1);
        assertThat(lane.open(one)).isTrue();
        assertThat(lane.admits(GROUP_BYTES, false)).isTrue();
    }

    @Test
    void shouldForgetASenderThatIsGone() {
        pull(one, 3, 100);
        lane.forget(other);
        assertThat(lane.open(other)).isFalse();
        lane.forget(one);
        assertThat(lane.open(other)).isTrue();
        pull(other, 1, 1);
        lane.landed(one, 3); // Late news.
        assertThat(lane.open(one)).isFalse();
        lane.landed(other, 1);
        assertThat(lane.open(one)).isTrue();
    }
}
