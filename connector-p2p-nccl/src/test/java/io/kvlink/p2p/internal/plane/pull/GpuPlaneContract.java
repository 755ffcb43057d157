// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.plane.pull.GpuTransfer.Kind;
import io.kvlink.spi.KvError;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Contract of every plane between GPUs when nobody fails. */
public abstract class GpuPlaneContract extends GpuFixture {

    protected GpuNode p;
    protected GpuNode d;

    @BeforeEach
    final void openTwo() {
        p = newNode();
        d = newNode();
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, DEVICE, DEVICE",
        "1, 1, PINNED, PINNED",
        "4095, 2, DEVICE, DEVICE",
        "65537, 7, COMPUTED, DEVICE",
        "65537, 7, COMPUTED, PINNED",
        "65537, 2, PINNED, DEVICE",
        "250001, 3, PINNED, PINNED",
        "300000, 1, DEVICE, DEVICE",
        "300001, 500, DEVICE, DEVICE",
        "30001, 500, COMPUTED, PINNED",
        "2500001, 2, COMPUTED, DEVICE",
        "2500001, 1, PINNED, DEVICE",
        "9000001, 3, DEVICE, DEVICE",
        "17000001, 1, COMPUTED, DEVICE",
    })
    void shouldMoveAPieceExactly(int bytes, int runs, Kind from, Kind to) {
        GpuTransfer transfer = transfer(p, d).piece(bytes, runs, from, to).receive().sendAll();

        stepUntilOver();

        assertThat(transfer.received()).isTrue();
        assertThat(transfer.sendError(0)).isNull();
    }

    @ParameterizedTest
    @CsvSource({"DEVICE, DEVICE", "PINNED, DEVICE", "COMPUTED, PINNED", "COMPUTED, DEVICE"})
    void shouldMoveWhatWasSentBeforeItWasReceived(Kind from, Kind to) {
        GpuTransfer transfer = transfer(p, d).piece(50_000, 3, from, to).sendAll();
        settle();
        transfer.receive();

        stepUntilOver();

        assertThat(transfer.received()).isTrue();
    }

    @Test
    void shouldTakeThePiecesOfATicketInAnyOrder() {
        GpuTransfer transfer = transfer(p, d);
        for (int i = 0; i < 8; i++) {
            transfer.piece(1000 + i, 1 + i, kind(), i % 2 == 0 ? Kind.DEVICE : Kind.PINNED);
        }
        transfer.receive();
        for (int index : new int[] {5, 2, 7, 0, 1, 6, 4, 3}) {
            transfer.send(index);
            steps(random.nextInt(20));
        }

        stepUntilOver();

        assertThat(transfer.received()).isTrue();
    }

    private Kind kind() {
        return Kind.any(random);
    }

    @Test
    void shouldBringMorePiecesToTheHostThanThereAreSlots() {
        GpuTransfer transfer = transfer(p, d);
        for (int i = 0; i < 40; i++) {
            transfer.piece(1 + random.nextInt(35_000), 2, kind(), Kind.PINNED);
        }
        transfer.receive().sendAll();

        stepUntilOver();

        assertThat(transfer.received()).isTrue();
    }

    @Test
    void shouldSendNothingBeforeTheEngineHasComputedIt() {
        p.process.hold(p.engine, true);
        GpuTransfer transfer =
                transfer(p, d)
                        .piece(20_000, 3, Kind.COMPUTED, Kind.DEVICE)
                        .piece(20_000, 3, Kind.COMPUTED, Kind.PINNED)
                        .receive()
                        .sendAll();
        settle();
        assertThat(transfer.pieceReceived(0)).isFalse();
        assertThat(transfer.pieceReceived(1)).isFalse();
        p.process.hold(p.engine, false);

        stepUntilOver();

        assertThat(transfer.received()).isTrue();
    }

    @Test
    void shouldServeManyPeersInAllDirectionsAtOnce() {
        newNode();
        newNode();
        for (int round = 0; round < 3; round++) {
            for (GpuNode from : nodes) {
                for (GpuNode to : nodes) {
                    if (from != to) {
                        GpuTransfer transfer = transfer(from, to);
                        for (int i = 0; i < 3; i++) {
                            transfer.piece(
                                    1 + random.nextInt(60_000),
                                    1 + random.nextInt(4),
                                    kind(),
                                    random.nextBoolean() ? Kind.DEVICE : Kind.PINNED);
                        }
                        transfer.receive().sendAll();
                    }
                }
            }
        }

        stepUntilOver();

        assertThat(transfers).allMatch(GpuTransfer::received);
    }

    @Test
    void shouldNotLetOneSenderUseAnothersTicket() {
        GpuNode thief = newNode();
        GpuTransfer right = transfer(p, d).piece(1000).receive();
        GpuTransfer wrong = new GpuTransfer(thief, d, right.ticket, random).piece(1000).sendAll();
        settle();
        assertThat(right.pieceReceived(0)).isFalse();
        assertThat(wrong.sendEnded(0)).isFalse();
        right.sendAll();

        stepUntilOver();

        assertThat(right.received()).isTrue();
        wrong.cancelSends();
        assertThat(wrong.sendError(0)).isEqualTo(KvError.CANCELLED);
    }

    @Test
    void shouldReachAPeerAgainAfterDisconnecting() {
        transfer(p, d).piece(1000).receive().sendAll();
        stepUntilOver();
        p.plane.disconnect(d.plane.endpoint());
        d.plane.disconnect(p.plane.endpoint());
        GpuTransfer again = transfer(p, d).piece(1000).receive().sendAll();

        stepUntilOver();

        assertThat(again.received()).isTrue();
    }

    @Test
    void shouldCloseUnusedLinksAndDialAgain() {
        unusedNs = 10_000_000;
        GpuNode e = newNode();
        transfer(p, e).piece(1000).receive().sendAll();
        stepUntilOver();
        stepNs = 1_000_000;
        for (int round = 0; round < 30; round++) {
            steps(random.nextInt(60));
            GpuTransfer again = transfer(p, e).piece(1000, 1, kind(), Kind.DEVICE);
            if (random.nextBoolean()) {
                again.receive().sendAll();
            } else {
                again.sendAll().receive();
            }
            stepUntilOver();
            assertThat(again.received()).as("seed=%d %s", seed, again).isTrue();
        }
    }

    @Test
    void shouldSurviveAListenerThatGoesOn() {
        GpuTransfer next = transfer(p, d);
        for (int i = 0; i < 3; i++) {
            next.piece(20_000, 2, kind(), i == 1 ? Kind.PINNED : Kind.DEVICE);
        }
        GpuTransfer other = transfer(d, p).piece(5000).receive();
        next.onPieceReceived =
                index -> {
                    d.plane.cancelReceive(99);
                    if (index == 0) {
                        other.sendAll();
                    }
                };
        next.onSendEnded =
                index -> {
                    p.plane.cancelSends(d.plane.endpoint(), 99);
                    if (index < 2) {
                        next.send(index + 1);
                    }
                };
        next.receive().send(0);

        stepUntilOver();

        assertThat(next.received()).isTrue();
        assertThat(other.received()).isTrue();
    }

    @Test
    void shouldHoldWithAListenerThatDisconnects() {
        GpuTransfer first = transfer(p, d).piece(1000).piece(1000).piece(1000);
        GpuTransfer second = transfer(p, d).piece(1000).piece(1000);
        first.onPieceReceived = index -> d.plane.disconnect(p.plane.endpoint());
        first.onReceiveEnded = () -> transfer(p, d).piece(500).receive().sendAll();
        first.receive().sendAll();
        second.receive().sendAll();

        stepUntilOver();

        assertThat(first.received()).isFalse();
        assertThat(transfers.get(2).received()).isTrue();
    }
}
