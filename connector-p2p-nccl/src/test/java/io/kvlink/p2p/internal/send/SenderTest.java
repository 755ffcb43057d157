// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A sender whose receiver never answers. */
class SenderTest {

    private final Sessions sessions = SendSamples.sessions();
    private final Session called = sessions.dial(SendSamples.ROUTE.decode());
    private final List<TransferOutcome> ended = new ArrayList<>();
    private long nowNs;
    private final Sender sender =
            new Sender(
                    sessions,
                    SendSamples.GROUPS,
                    SendSamples.LIMITS,
                    new TransferStats(),
                    Runnable::run,
                    ended::add,
                    () -> nowNs);

    @Test
    void shouldCountATransferAmongThoseOfItsSession() {
        sender.start(transfer(false));
        assertThat(called.transfers()).isEqualTo(1);
        assertThat(sender.transfers()).isEqualTo(1);
        sender.close();
        assertThat(called.transfers()).isZero();
        assertThat(sender.transfers()).isZero();
        assertThat(failures()).containsExactly(KvError.CLOSED);
    }

    @Test
    void shouldRefuseASecondTransferOfTheSameId() {
        sender.start(transfer(false));
        SavedKv second = transfer(false);
        sender.start(second);
        assertThat(second.ended()).isTrue();
        assertThat(failures()).containsExactly(KvError.BAD_ROUTE);
        assertThat(sender.transfers()).as("the first one").isEqualTo(1);
        assertThat(called.transfers()).isEqualTo(1);
    }

    @Test
    void shouldHoldNothingForATransferThatHasEnded() {
        sender.start(transfer(true));
        nowNs = 19;
        sender.tick();
        assertThat(ended).as("it is held for 20 ns").isEmpty();
        nowNs = 20;
        sender.tick();
        sender.start(transfer(true));
        assertThat(failures()).containsExactly(KvError.DEADLINE, KvError.DEADLINE);
        assertThat(called.transfers()).as("nobody is called").isZero();
    }

    @Test
    void shouldFailAPushedTransferAtItsDeadline() {
        sender.start(transfer(false));
        nowNs = 9;
        sender.tick();
        assertThat(ended).isEmpty();
        nowNs = 10;
        sender.tick();
        assertThat(failures()).containsExactly(KvError.DEADLINE);
        assertThat(ended.get(0).detail())
                .contains("state=Unoffered saved=0 sent=0; its time is over");
    }

    private List<KvError> failures() {
        return ended.stream().flatMap(outcome -> outcome.failure().stream()).toList();
    }

    private static SavedKv transfer(boolean held) {
        KvRequest request =
                KvRequest.builder("r", new int[] {1, 2, 3}).route(SendSamples.ROUTE).build();
        return new SavedKv(request, SendSamples.GROUPS, Chunks.of(2, 0, false), 7, held, List.of());
    }
}
