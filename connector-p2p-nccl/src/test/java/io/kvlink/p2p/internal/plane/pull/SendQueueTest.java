// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.plane.DataPlane.SendListener;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Dropped;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Failed;
import io.kvlink.spi.KvError;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SendQueueTest {

    private final List<LinkFrame> said = new ArrayList<>();
    private final SendQueue queue = new SendQueue(said::add);

    private static PullPart part(long ticket, int piece, long offset) {
        return new PullPart(1, ticket, piece, offset, 10, 0, 0);
    }

    private static Move move(long ticket) {
        return new Move(part(ticket, 0, 0), new PendingSend(op(ticket)));
    }

    private static SendOp op(long ticket) {
        return new SendOp("peer", ticket, 0, List.of(), 10, new Deaf());
    }

    private static final class Deaf implements SendListener {
        @Override
        public void onSent(SendOp op) {}

        @Override
        public void onSendFailed(SendOp op, KvError error, String detail) {}
    }

    @Test
    void shouldHandOutWaitingPullsOfOnePieceInTheirOrder() {
        queue.await(part(1, 0, 0));
        queue.await(part(1, 1, 0));
        queue.await(part(2, 0, 0));
        queue.await(part(1, 0, 10));
        assertThat(queue.takeWaiting(1, 0)).containsExactly(part(1, 0, 0), part(1, 0, 10));
        assertThat(queue.takeWaiting(1, 0)).isEmpty();
        queue.dropWaiting(1);
        assertThat(queue.takeWaiting(1, 1)).isEmpty();
        assertThat(queue.takeWaiting(2, 0)).hasSize(1);
    }

    @Test
    void shouldRefuseMorePullsThanItHolds() {
        for (int i = 0; i < 1 << 20; i++) {
            assertThat(queue.await(part(1, 0, i))).isTrue();
        }
        assertThat(queue.await(part(1, 0, 0))).isFalse();
        queue.dropAllWaiting();
        assertThat(queue.await(part(1, 0, 0))).isTrue();
    }

    @Test
    void shouldSayThatATicketHasEndedAfterItsLastMove() {
        Move one = move(1);
        Move two = move(1);
        queue.ready(List.of(one, two));
        queue.end(1, new Failed(1));
        queue.sayEnded();
        assertThat(said).isEmpty();
        queue.stopped(one);
        queue.sayEnded();
        assertThat(said).isEmpty();
        queue.stopped(two);
        queue.sayEnded();
        queue.sayEnded();
        assertThat(said).containsExactly(new Failed(1));
        assertThat(queue.hasEnded(1)).isTrue();
        assertThat(queue.hasEnded(2)).isFalse();
    }

    @Test
    void shouldKeepOrReplaceAnEarlierEndFrame() {
        queue.end(1, new Failed(1));
        queue.endOnce(1, new Dropped(1));
        queue.end(2, new Failed(2));
        queue.end(2, new Dropped(2));
        queue.sayEnded();
        assertThat(said).containsExactly(new Failed(1), new Dropped(2));
    }

    @Test
    void shouldTakeBackMovesThatTheWireHasNotGot() {
        Move kept = move(1);
        Move taken = move(2);
        queue.ready(new ArrayList<>(List.of(kept)));
        queue.ready(new ArrayList<>(List.of(taken)));
        queue.unready(each -> each.part().ticket() == 2);
        assertThat(taken.send().moving).isZero();
        assertThat(kept.send().moving).isEqualTo(1);
        assertThat(queue.takeReady()).containsExactly(List.of(kept));
        assertThat(queue.hasReady()).isFalse();
    }
}
