// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.plane.pull.GpuTransfer.Kind;
import io.kvlink.spi.KvError;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Contract of every plane between GPUs when operations end before their time. Each ends once, and
 * no byte is touched after that, which {@link GpuTransfer#check} sees.
 */
public abstract class GpuPlaneEndsContract extends GpuFixture {

    private static final int MOMENTS = 40;

    protected GpuNode p;
    protected GpuNode d;

    @BeforeEach
    final void openTwo() {
        p = newNode();
        d = newNode();
    }

    /** Some pieces of all kinds, received and sent within a few steps. */
    protected final GpuTransfer mixed(GpuNode from, GpuNode to) {
        GpuTransfer transfer = transfer(from, to);
        for (int i = 0; i < 5; i++) {
            Kind source = Kind.any(random);
            Kind destination = random.nextInt(3) == 0 ? Kind.PINNED : Kind.DEVICE;
            int bytes = 1 + random.nextInt(40_000);
            transfer.piece(bytes, 1 + random.nextInt(3), source, destination);
        }
        return transfer;
    }

    /** Begins a transfer as engines do: a receive is posted before its sender learns the ticket. */
    protected final GpuTransfer begun(GpuNode from, GpuNode to) {
        GpuTransfer transfer = mixed(from, to).receive();
        steps(random.nextInt(10));
        return transfer.sendAll();
    }

    /** The next transfer goes through, whatever happened before. */
    protected final void isUsable() {
        GpuTransfer next = transfer(p, d).piece(5000).piece(500, 1, Kind.COMPUTED, Kind.PINNED);
        next.receive().sendAll();
        stepUntilOver();
        assertThat(next.received()).as("seed=%d %s", seed, next).isTrue();
    }

    @Test
    void shouldEndCancelledReceivesAtEveryMoment() {
        for (int moment = 0; moment < MOMENTS; moment++) {
            GpuTransfer transfer = begun(p, d);
            steps(moment);
            transfer.cancelReceive();
            steps(random.nextInt(5));
            transfer.cancelSends();
            stepUntilOver();
        }
        isUsable();
    }

    @Test
    void shouldEndReceivesThatAreCancelledBeforeThereIsALink() {
        GpuTransfer transfer = mixed(p, d).receive();
        transfer.cancelReceive();
        stepUntilOver();
        assertThat(transfer.receiveError()).isEqualTo(KvError.CANCELLED);
        isUsable();
    }

    @Test
    void shouldEndReceivesThatNobodySendsWhenCancelled() {
        GpuTransfer transfer = mixed(p, d).receive();
        settle();
        transfer.cancelReceive();
        stepUntilOver();
        assertThat(transfer.receiveError()).isEqualTo(KvError.CANCELLED);
        isUsable();
    }

    @Test
    void shouldEndCancelledSendsAtEveryMoment() {
        for (int moment = 0; moment < MOMENTS; moment++) {
            GpuTransfer transfer = begun(p, d);
            steps(moment);
            transfer.cancelSends();
            steps(random.nextInt(100));
            // Its engine hears of it from the sender's. The plane tells only whom it knows.
            transfer.cancelReceive();
            stepUntilOver();
        }
        isUsable();
    }

    @Test
    void shouldEndSendsThatNobodyReceivesWhenCancelled() {
        GpuTransfer transfer = mixed(p, d).sendAll();
        settle();
        transfer.cancelSends();
        stepUntilOver();
        assertThat(transfer.sendError(0)).isEqualTo(KvError.CANCELLED);
        isUsable();
    }

    @Test
    void shouldTellAReceiverThatItsSenderHasCancelled() {
        isUsable();
        p.process.hold(p.engine, true);
        GpuTransfer transfer =
                transfer(p, d)
                        .piece(1000, 1, Kind.COMPUTED, Kind.DEVICE)
                        .piece(1000, 1, Kind.COMPUTED, Kind.PINNED)
                        .receive()
                        .sendAll();
        settle();
        transfer.cancelSends();
        p.process.hold(p.engine, false);
        stepUntilOver();
        // What was enqueued goes on; what wasn't pulled can't have come.
        assertThat(transfer.receiveError()).isEqualTo(KvError.CANCELLED);
        isUsable();
    }

    @Test
    void shouldEndSendsOfADroppedTicket() {
        isUsable();
        p.process.hold(p.engine, true);
        GpuTransfer transfer =
                transfer(p, d).piece(1000, 1, Kind.COMPUTED, Kind.DEVICE).piece(500).receive();
        transfer.send(0);
        settle();
        transfer.cancelReceive();
        settle();
        transfer.send(1); // Its engine hasn't heard.
        p.process.hold(p.engine, false);
        stepUntilOver();
        isUsable();
    }

    @Test
    void shouldIgnoreCancelsOfTheUnknown() {
        p.plane.cancelReceive(77);
        p.plane.cancelSends(d.plane.endpoint(), 77);
        p.plane.disconnect(d.plane.endpoint());
        isUsable();
        p.plane.cancelSends(d.plane.endpoint(), 77);
        d.plane.cancelReceive(77);
        isUsable();
    }

    @Test
    void shouldEndEverythingWithADisconnectedPeerAtEveryMoment() {
        for (int moment = 0; moment < MOMENTS; moment++) {
            begun(p, d);
            begun(d, p);
            steps(moment);
            GpuNode first = random.nextBoolean() ? p : d;
            GpuNode second = first == p ? d : p;
            first.plane.disconnect(second.plane.endpoint());
            steps(random.nextInt(6));
            second.plane.disconnect(first.plane.endpoint());
            stepUntilOver();
        }
        isUsable();
    }

    @Test
    void shouldNotHarmOthersWhenOneIsDisconnected() {
        GpuNode e = newNode();
        for (int moment = 0; moment < MOMENTS; moment++) {
            begun(p, d);
            GpuTransfer other = mixed(p, e).receive().sendAll();
            steps(moment);
            p.plane.disconnect(d.plane.endpoint());
            d.plane.disconnect(p.plane.endpoint());
            stepUntilOver();
            assertThat(other.received()).as("seed=%d %s", seed, other).isTrue();
        }
    }

    @Test
    void shouldEndEverythingWhenClosedAtEveryMoment() {
        for (int moment = 0; moment < MOMENTS; moment += 3) {
            GpuNode closing = newNode();
            begun(p, closing);
            begun(closing, p);
            GpuTransfer other = mixed(p, d).receive().sendAll();
            steps(moment);
            close(closing);
            // As its session's end does.
            p.plane.disconnect(closing.plane.endpoint());
            // A link that it had not accepted yet ends when its door has been closed for seconds.
            stepNs = 1_000_000;
            stepUntilOver();
            stepNs = 20_000;
            assertThat(other.received()).as("seed=%d %s", seed, other).isTrue();
        }
    }

    @Test
    void shouldEndAtOnceWhatIsAskedOfAClosedPlane() {
        close(p);
        p.plane.close();
        GpuTransfer from = transfer(p, d).piece(10).sendAll();
        GpuTransfer to = transfer(d, p).piece(10).receive();
        assertThat(from.sendError(0)).isEqualTo(KvError.CLOSED);
        assertThat(to.receiveError()).isEqualTo(KvError.CLOSED);
    }

    @Test
    void shouldFailReceivesFromAPlaneThatIsGone() {
        close(p);
        GpuTransfer transfer = mixed(p, d).receive();
        stepUntilOver();
        assertThat(transfer.receiveError()).isEqualTo(KvError.PEER_LOST);
    }

    @Test
    void shouldSurviveEndsThatEndOthers() {
        for (int moment = 0; moment < MOMENTS; moment++) {
            GpuTransfer first = begun(p, d);
            GpuTransfer second = begun(p, d);
            GpuTransfer third = begun(d, p);
            first.onReceiveEnded =
                    () -> {
                        second.cancelReceive();
                        third.cancelSends();
                        transfer(p, d).piece(100).receive().sendAll();
                    };
            second.onReceiveEnded = () -> p.plane.cancelReceive(third.ticket);
            first.onSendEnded = index -> second.cancelSends();
            steps(moment);
            first.cancelReceive();
            first.cancelSends();
            stepUntilOver();
        }
        isUsable();
    }
}
