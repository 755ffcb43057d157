// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.memory.ReceiveBuffer;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.send.SavedPieces.Count;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** State of a transfer that threads share; the rules are in {@link SendMachineTest}. */
class OutboundTransferTest {

    private static final Tail NONE = new Tail.None();
    private static final int LAYERS = 2;

    @Test
    void shouldFreeHeldMemoryOnlyWhenBothThreadsHaveLetGo() {
        TransferMemory memory = new TransferMemory(new ReceiveBuffer(64), null);
        OutboundTransfer held = transfer(1, memory.tryLease(LAYERS, 16, "r"));
        held.kv().letGo();
        assertThat(memory.bufferBytes()).as("one may still copy into it").isEqualTo(32);
        held.kv().letGo();
        assertThat(memory.bufferBytes()).isZero();
        assertThatThrownBy(held.kv()::letGo).hasMessageStartingWith("let go too often");
    }

    @Test
    void shouldBeLateWhereverItWaits() {
        OutboundTransfer transfer = transfer(1, null);
        transfer.onStart(0, 10);
        assertThat(transfer.late(10)).as("not begun").isFalse();
        List<String> waited = new ArrayList<>();
        for (SendEvent event : way()) {
            transfer.on(event);
            waited.add(transfer.state().getClass().getSimpleName());
            assertThat(transfer.late(9)).as("%s", transfer).isFalse();
            assertThat(transfer.late(10)).as("%s", transfer).isTrue();
        }
        assertThat(waited)
                .containsExactly(
                        "Unclaimed",
                        "Unoffered",
                        "Offered",
                        "ToldBusy",
                        "Offered",
                        "Sending",
                        "Sending",
                        "Finishing");
        transfer.on(new SendEvent.Closing());
        assertThat(transfer.state()).isInstanceOf(SendState.Draining.class);
        assertThat(transfer.late(10)).as("failed already").isFalse();
        transfer.on(new SendEvent.PiecesEnded(Optional.empty(), true));
        assertThat(transfer.ended()).isTrue();
        assertThat(transfer.late(10)).as("over").isFalse();
    }

    private static List<SendEvent> way() {
        Count all = new Count(LAYERS, LAYERS);
        return List.of(
                new SendEvent.Started(Optional.empty()),
                new SendEvent.Dialled(SendSamples.MINE),
                new SendEvent.Progress(0, Count.NONE, NONE, true),
                new SendEvent.Busy(SendSamples.MINE, 0, 0),
                new SendEvent.Progress(0, Count.NONE, NONE, true),
                new SendEvent.Granted(SendSamples.MINE, SendSamples.TICKET),
                new SendEvent.Progress(0, all, NONE, true),
                new SendEvent.Done(SendSamples.MINE, SendSamples.TICKET.number()));
    }

    @Test
    void shouldHaveTimeAnewAfterEachChunkButTheLast() {
        OutboundTransfer transfer = transfer(2, null);
        transfer.onStart(0, 10);
        transfer.on(new SendEvent.Started(Optional.empty()));
        transfer.kv().save(0, 0, List.of(), 0, null);
        transfer.progress(5);
        assertThat(transfer.late(10)).as("half a chunk").isTrue();
        transfer.kv().save(1, 0, List.of(), 0, null);
        transfer.progress(6);
        transfer.progress(7);
        assertThat(transfer.late(15)).as("a chunk, once").isFalse();
        assertThat(transfer.late(16)).as("a chunk, once").isTrue();
        transfer.kv().save(0, 1, List.of(), 0, null);
        transfer.kv().save(1, 1, List.of(), 0, null);
        transfer.progress(12);
        assertThat(transfer.late(16)).as("the last chunk").isTrue();
    }

    @Test
    void shouldHaveTimeForTheChunksThatItsWindowDoesNotNeed() {
        KvLayerGroup group =
                KvLayerGroup.sliding(
                        SendSamples.LAYOUT, KvLayerGroup.all(SendSamples.LAYOUT).layers(), 2);
        KvRequest request = KvRequest.builder("r", new int[9]).route(SendSamples.ROUTE).build();
        OutboundTransfer transfer =
                new SavedKv(request, List.of(group), Chunks.of(8, 2, false), 7, false, List.of())
                        .transfers()
                        .get(0);
        transfer.onStart(0, 10);
        transfer.on(new SendEvent.Started(Optional.empty()));
        assertThat(transfer.machine().chunks().skipped()).isEqualTo(3);
        assertThat(transfer.late(39)).isFalse();
        assertThat(transfer.late(40)).isTrue();
    }

    @Test
    void shouldNotKeepTheEngineWaitingForRoom() {
        OutboundTransfer transfer = transfer(1, null);
        assertThat(transfer.kv().awaitSent(1, System.nanoTime())).isFalse();
        List<SendEvent> way = way();
        way.subList(0, 4).forEach(transfer::on);
        assertThat(transfer.kv().awaitSent(1, System.nanoTime())).as("told BUSY").isTrue();
        transfer.on(way.get(4));
        assertThat(transfer.kv().awaitSent(1, System.nanoTime())).as("offered again").isTrue();
        transfer.on(way.get(5));
        assertThat(transfer.kv().awaitSent(1, System.nanoTime())).as("granted").isFalse();
        transfer.onPieceOver();
        assertThat(transfer.kv().awaitSent(1, System.nanoTime())).isTrue();
    }

    @Test
    void shouldReportWhyItFailed() {
        OutboundTransfer transfer = transfer(1, null);
        transfer.onStart(3, 10);
        SendState.Ended end =
                new SendState.Ended(
                        "", Optional.of(new SendState.Failure(KvError.NO_SPACE, "full")));
        assertThat(transfer.outcome(end, 8).failure()).contains(KvError.NO_SPACE);
        assertThat(transfer.outcome(end, 8).nanos()).isEqualTo(5);
    }

    private static OutboundTransfer transfer(int chunks, @Nullable LayerLeases leases) {
        KvRequest request =
                KvRequest.builder("r", new int[] {1, 2, 3}).route(SendSamples.ROUTE).build();
        Chunks cut = new Chunks(2, 2 / chunks, false, 0);
        return new SavedKv(
                        request,
                        SendSamples.GROUPS,
                        cut,
                        7,
                        leases != null,
                        leases == null ? List.of() : List.of(leases))
                .transfers()
                .get(0);
    }
}
