// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Contract of every data plane of host memory. All planes of a test are stepped by its one thread;
 * time is the test's own.
 */
public abstract class DataPlaneContract {

    private static final long PATIENCE_NS = 20_000_000_000L;

    private final List<DataPlane> open = new ArrayList<>();
    private final long seed = System.nanoTime();
    protected final Random random = new Random(seed);
    protected final Journal sends = new Journal();
    protected final Journal receives = new Journal();
    protected long nowNs = Long.MAX_VALUE - 1_000_000; // Soon overflows, as System.nanoTime may.
    protected DataPlane p;
    protected DataPlane d;

    /** Opens a plane of its own. */
    protected abstract DataPlane newPlane();

    @BeforeEach
    void openTwo() {
        p = opened();
        d = opened();
    }

    @AfterEach
    void closeAll() {
        open.forEach(DataPlane::close);
    }

    protected final DataPlane opened() {
        DataPlane plane = newPlane();
        open.add(plane);
        return plane;
    }

    /** Forgets a plane that the test closes itself. */
    protected final void close(DataPlane plane) {
        open.remove(plane);
        plane.close();
    }

    protected final void step() {
        nowNs += 1_000;
        for (DataPlane plane : List.copyOf(open)) {
            plane.poll(nowNs);
        }
    }

    protected final void stepUntil(BooleanSupplier done) {
        long startNs = System.nanoTime();
        while (!done.getAsBoolean()) {
            step();
            if (System.nanoTime() - startNs > PATIENCE_NS) {
                throw new AssertionError(
                        "seed=%d sends=%s receives=%s"
                                .formatted(seed, sends.events(), receives.events()));
            }
        }
    }

    protected final void stepUntilSent(String event) {
        stepUntil(() -> sends.has(event));
    }

    protected final void stepUntilReceived(String event) {
        stepUntil(() -> receives.has(event));
    }

    /** Steps often enough for anything that is still under way between two planes to arrive. */
    protected final void settle() {
        for (int i = 0; i < 1_000; i++) {
            step();
        }
    }

    protected final SendOp send(DataPlane to, long ticket, int piece, Bytes bytes) {
        return send(p, to, ticket, piece, List.of(bytes.region()));
    }

    protected final SendOp send(
            DataPlane from, DataPlane to, long ticket, int piece, List<MemoryRegion> source) {
        long bytes = source.stream().mapToLong(MemoryRegion::bytes).sum();
        SendOp op = new SendOp(to.endpoint(), ticket, piece, source, bytes, sends);
        from.send(op);
        return op;
    }

    protected final void receive(
            DataPlane from, long ticket, int firstPiece, Bytes... destinations) {
        receive(d, from, ticket, firstPiece, destinations);
    }

    protected final void receive(
            DataPlane at, DataPlane from, long ticket, int firstPiece, Bytes... destinations) {
        List<MemoryRegion> regions = new ArrayList<>();
        for (Bytes destination : destinations) {
            regions.add(destination.region());
        }
        at.receive(new ReceiveOp(from.endpoint(), ticket, firstPiece, regions, receives));
    }

    protected final Bytes source(int size) {
        return Bytes.random(size, true, random);
    }

    protected final Bytes destination(int size) {
        return Bytes.poisoned(size, true);
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, true, true",
        "1, 1, false, false",
        "0, 1, true, true",
        "4095, 2, true, true",
        "65537, 7, false, true",
        "65537, 7, true, false",
        "1048577, 2, true, true",
        "9437185, 1, true, true",
        "9437183, 7, true, true",
        "9437183, 7, false, false",
        "3000001, 2000, true, true",
    })
    void shouldMoveAPieceExactly(int size, int regions, boolean fromDirect, boolean toDirect) {
        Bytes source = Bytes.random(size, fromDirect, random);
        Bytes destination = Bytes.poisoned(size, toDirect);
        receive(p, 7, 3, destination);
        send(p, d, 7, 3, source.regions(regions, random));

        stepUntilReceived("received ticket=7 piece=3");
        stepUntilSent("sent ticket=7 piece=3");

        assertThat(destination.holds(source)).isTrue();
    }

    @Test
    void shouldMoveManyPiecesOfOneTicketInOrder() {
        Bytes[] sources = new Bytes[20];
        Bytes[] destinations = new Bytes[20];
        for (int i = 0; i < 20; i++) {
            int size = 1 + random.nextInt(300_000);
            sources[i] = source(size);
            destinations[i] = destination(size);
        }
        receive(p, 1, 4, destinations);
        for (int i = 0; i < 20; i++) {
            send(d, 1, 4 + i, sources[i]);
        }

        stepUntilReceived("received ticket=1 piece=23");
        stepUntilSent("sent ticket=1 piece=23");

        for (int i = 0; i < 20; i++) {
            assertThat(receives.events().get(i)).isEqualTo("received ticket=1 piece=%d", 4 + i);
            assertThat(destinations[i].holds(sources[i])).isTrue();
        }
    }

    @Test
    void shouldTakeThePiecesOfATicketInAnyOrder() {
        Bytes first = source(1000);
        Bytes second = source(2000);
        Bytes[] destinations = {destination(1000), destination(2000)};
        receive(p, 1, 0, destinations);
        send(d, 1, 1, second);
        send(d, 1, 0, first);

        stepUntilReceived("received ticket=1 piece=0");

        assertThat(receives.events())
                .containsExactly("received ticket=1 piece=1", "received ticket=1 piece=0");
        assertThat(destinations[0].holds(first)).isTrue();
        assertThat(destinations[1].holds(second)).isTrue();
    }

    @Test
    void shouldServeManyPeersInAllDirectionsAtOnce() {
        List<DataPlane> nodes = List.of(p, d, opened(), opened());
        List<Bytes> sources = new ArrayList<>();
        List<Bytes> destinations = new ArrayList<>();
        long ticket = 0;
        for (DataPlane from : nodes) {
            for (DataPlane to : nodes) {
                int size = 1 + random.nextInt(700_000);
                sources.add(Bytes.random(size, random.nextBoolean(), random));
                destinations.add(Bytes.poisoned(size, random.nextBoolean()));
                int index = sources.size() - 1;
                receive(to, from, ticket, 0, destinations.get(index));
                send(from, to, ticket++, 0, sources.get(index).regions(2, random));
            }
        }

        stepUntil(() -> receives.events().size() == 16 && sends.events().size() == 16);

        for (int i = 0; i < 16; i++) {
            assertThat(receives.has("received ticket=%d piece=0".formatted(i))).isTrue();
            assertThat(destinations.get(i).holds(sources.get(i))).isTrue();
        }
    }

    @Test
    void shouldLetASlowPeerDelayOnlyItself() {
        DataPlane slow = newPlane();
        Bytes source = source(9 << 20);
        Bytes destination = destination(9 << 20);
        receive(p, 2, 0, destination);
        send(slow, 1, 0, source);
        send(d, 2, 0, source);

        stepUntilReceived("received ticket=2 piece=0");

        assertThat(destination.holds(source)).isTrue();
        assertThat(sends.has("sent ticket=1 piece=0")).isFalse();
        slow.close();
        stepUntilSent("send PEER_LOST ticket=1 piece=0");
    }

    @Test
    void shouldGiveAnUnknownTicketOnePollOfGrace() {
        Bytes source = source(100_000);
        Bytes destination = destination(100_000);
        send(d, 5, 0, source);
        // What d's poll finds arrived after d had carried out its commands. The bytes come in one
        // of these polls; the receive, queued meanwhile, before the next.
        for (int i = 0; i < 200; i++) {
            p.poll(nowNs);
            if (d.poll(nowNs) > 0 && parks(d)) {
                break;
            }
        }
        receive(p, 5, 0, destination);

        stepUntilReceived("received ticket=5 piece=0");

        assertThat(destination.holds(source)).isTrue();
    }

    /** True if the plane has seen an unknown ticket and waits for the next poll. */
    protected abstract boolean parks(DataPlane plane);

    @Test
    void shouldDropWhatComesForNobody() {
        Bytes late = source(3_000_000);
        Bytes source = source(70_000);
        Bytes destination = destination(70_000);
        send(d, 404, 0, late);
        stepUntilSent("sent ticket=404 piece=0");
        settle();
        receive(p, 5, 0, destination);
        send(d, 5, 0, source);

        stepUntilReceived("received ticket=5 piece=0");

        assertThat(destination.holds(source)).isTrue();
        assertThat(receives.events()).containsExactly("received ticket=5 piece=0");
    }

    @Test
    void shouldDropWhatComesAfterCancelledReceive() {
        Bytes cancelled = destination(4 << 20);
        Bytes next = destination(10);
        Bytes source = source(10);
        receive(p, 1, 0, cancelled);
        d.cancelReceive(1);
        assertThat(receives.events()).containsExactly("receive CANCELLED ticket=1");
        receive(p, 2, 0, next);
        send(d, 1, 0, source(4 << 20));
        send(d, 2, 0, source);

        stepUntilReceived("received ticket=2 piece=0");

        assertThat(cancelled.untouched()).isTrue();
        assertThat(next.holds(source)).isTrue();
    }

    @Test
    void shouldEndQueuedSendsOfACancelledTicketOnly() {
        Bytes source = source(1000);
        Bytes destination = destination(1000);
        receive(p, 2, 0, destination);
        send(d, 1, 0, source);
        send(d, 2, 0, source);
        send(d, 1, 1, source);
        p.cancelSends(d.endpoint(), 1);
        assertThat(sends.events())
                .containsExactly(
                        "send CANCELLED ticket=1 piece=0", "send CANCELLED ticket=1 piece=1");

        stepUntilReceived("received ticket=2 piece=0");
        stepUntilSent("sent ticket=2 piece=0");

        assertThat(destination.holds(source)).isTrue();
    }

    @Test
    void shouldEndACancelledSendWhateverHasLeft() {
        receive(p, 1, 0, destination(9 << 20));
        send(d, 1, 0, source(9 << 20));
        for (int i = 0; i < 10; i++) {
            p.poll(nowNs);
        }
        p.cancelSends(d.endpoint(), 1);

        stepUntil(() -> sends.events().size() == 1);

        assertThat(sends.events().get(0))
                .isIn("sent ticket=1 piece=0", "send CANCELLED ticket=1 piece=0");
    }

    @Test
    void shouldIgnoreCancelsOfTheUnknown() {
        p.cancelSends(d.endpoint(), 1);
        p.cancelReceive(1);
        p.disconnect(d.endpoint());
        settle();
        assertThat(sends.events()).isEmpty();
    }

    @Test
    void shouldFailReceivesWhenTheSenderDies() {
        Bytes source = source(1000);
        receive(p, 1, 0, destination(1000), destination(1000));
        receive(p, 2, 0, destination(1000));
        receive(d, 3, 0, destination(1000));
        send(d, 1, 0, source);
        stepUntilReceived("received ticket=1 piece=0");

        close(p);

        stepUntilReceived("receive PEER_LOST ticket=1");
        assertThat(receives.has("receive PEER_LOST ticket=2")).isTrue();
        assertThat(receives.has("receive PEER_LOST ticket=3")).isFalse();
    }

    @Test
    void shouldFailSendsWhenTheReceiverDies() {
        receive(p, 1, 0, destination(9 << 20), destination(9 << 20));
        send(d, 1, 0, source(9 << 20));
        send(d, 1, 1, source(9 << 20));
        p.poll(nowNs);

        close(d);

        stepUntilSent("send PEER_LOST ticket=1 piece=1");
        assertThat(receives.events()).containsExactly("receive CLOSED ticket=1");
    }

    @Test
    void shouldFailSendsToAPlaneThatIsGone() {
        close(d);
        send(d, 1, 0, source(10));
        stepUntilSent("send PEER_LOST ticket=1 piece=0");
    }

    @Test
    void shouldEndEverythingWithADisconnectedPeer() {
        DataPlane other = opened();
        Bytes source = source(1000);
        Bytes destination = destination(1000);
        receive(p, 1, 0, destination(1000), destination(1000));
        receive(p, 2, 0, destination(1000));
        receive(other, 3, 0, destination);
        send(d, 1, 0, source);
        stepUntilReceived("received ticket=1 piece=0");

        d.disconnect(p.endpoint());

        assertThat(receives.events())
                .contains("receive PEER_LOST ticket=1", "receive PEER_LOST ticket=2");
        send(other, d, 3, 0, List.of(source.region()));
        stepUntilReceived("received ticket=3 piece=0");
        assertThat(destination.holds(source)).isTrue();
    }

    @Test
    void shouldFailQueuedSendsToADisconnectedPeer() {
        send(d, 1, 0, source(1000));
        p.disconnect(d.endpoint());
        assertThat(sends.events()).containsExactly("send PEER_LOST ticket=1 piece=0");
    }

    @Test
    void shouldReachAPeerAgainAfterDisconnecting() {
        Bytes source = source(1000);
        Bytes destination = destination(1000);
        receive(p, 1, 0, destination(1000));
        send(d, 1, 0, source);
        stepUntilReceived("received ticket=1 piece=0");
        p.disconnect(d.endpoint());
        d.disconnect(p.endpoint());
        receive(p, 2, 0, destination);
        send(d, 2, 0, source);

        stepUntilReceived("received ticket=2 piece=0");

        assertThat(destination.holds(source)).isTrue();
    }

    @Test
    void shouldEndEverythingWhenClosed() {
        receive(p, 1, 0, destination(1000));
        send(d, p, 2, 0, List.of(source(1000).region()));

        close(d);

        assertThat(receives.events()).containsExactly("receive CLOSED ticket=1");
        assertThat(sends.events()).containsExactly("send CLOSED ticket=2 piece=0");
    }

    @Test
    void shouldEndAtOnceWhatIsAskedOfAClosedPlane() {
        close(p);
        p.close();
        send(d, 1, 0, source(10));
        receive(p, d, 2, 0, destination(10));
        assertThat(sends.events()).containsExactly("send CLOSED ticket=1 piece=0");
        assertThat(receives.events()).containsExactly("receive CLOSED ticket=2");
    }

    @Test
    void shouldRefuseAPieceOfTheWrongSize() {
        Bytes destination = destination(1000);
        receive(p, 1, 0, destination(10), destination);
        send(d, 1, 0, source(10));
        stepUntilReceived("received ticket=1 piece=0");
        send(d, 1, 1, source(1001));

        stepUntilReceived("receive MALFORMED_FRAME ticket=1");

        assertThat(destination.untouched()).isTrue();
    }

    @Test
    void shouldRefuseAPieceThatComesTwice() {
        receive(p, 1, 5, destination(10), destination(10));
        send(d, 1, 5, source(10));
        stepUntilReceived("received ticket=1 piece=5");
        send(d, 1, 5, source(10));
        stepUntilReceived("receive MALFORMED_FRAME ticket=1");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 4, 7, Integer.MIN_VALUE, Integer.MAX_VALUE})
    void shouldRefuseAPieceThatIsNotExpected(int piece) {
        receive(p, 1, 5, destination(10), destination(10));
        send(d, 1, piece, source(10));
        stepUntilReceived("receive MALFORMED_FRAME ticket=1");
    }

    @Test
    void shouldGoOnAfterARefusal() {
        Bytes source = source(10);
        Bytes destination = destination(10);
        receive(p, 1, 0, destination(10));
        send(d, 1, 1, source);
        stepUntilReceived("receive MALFORMED_FRAME ticket=1");
        settle();
        receive(p, 2, 0, destination);
        send(d, 2, 0, source);

        stepUntilReceived("received ticket=2 piece=0");

        assertThat(destination.holds(source)).isTrue();
    }

    @Test
    void shouldNotLetOneSenderUseAnothersTicket() {
        DataPlane thief = opened();
        Bytes source = source(10);
        Bytes destination = destination(10);
        receive(p, 1, 0, destination);
        send(thief, d, 1, 0, List.of(source(10).region()));
        settle();
        assertThat(receives.events()).isEmpty();
        assertThat(destination.untouched()).isTrue();
        send(d, 1, 0, source);

        stepUntilReceived("received ticket=1 piece=0");

        assertThat(destination.holds(source)).isTrue();
    }

    @Test
    void shouldRefuseWhatItCannotDo() {
        MemoryRegion device = MemoryRegion.ofDevice(0, 4096, 16);
        assertThatThrownBy(() -> send(p, d, 1, 0, List.of(device)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("not host memory");
        assertThatThrownBy(
                        () ->
                                p.send(
                                        new SendOp(
                                                d.endpoint(),
                                                1,
                                                0,
                                                List.of(source(10).region()),
                                                11,
                                                sends)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("bytes=11 in regions=10");
        receive(d, 1, 0, destination(10));
        assertThatThrownBy(() -> receive(d, 1, 0, destination(10)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("ticket=1 was posted twice");
        assertThat(p.reaches("elsewhere")).isFalse();
        assertThat(p.reaches(d.endpoint())).isTrue();
    }

    @Test
    void shouldSurviveAListenerThatGoesOn() {
        // The end of each piece cancels something and sends the next one.
        Bytes source = source(1000);
        receive(p, 1, 0, destination(1000), destination(1000), destination(1000));
        p.send(
                new SendOp(
                        d.endpoint(), 1, 0, List.of(source.region()), 1000, new Chain(source, 2)));
        stepUntilReceived("received ticket=1 piece=2");
        stepUntilSent("sent ticket=1 piece=2");
    }

    /** Sends the next piece when one has left. */
    private final class Chain implements DataPlane.SendListener {
        private final Bytes source;
        private final int lastPiece;

        Chain(Bytes source, int lastPiece) {
            this.source = source;
            this.lastPiece = lastPiece;
        }

        @Override
        public void onSent(SendOp op) {
            sends.onSent(op);
            p.cancelSends(d.endpoint(), 99);
            if (op.piece() < lastPiece) {
                p.send(
                        new SendOp(
                                op.endpoint(),
                                op.ticket(),
                                op.piece() + 1,
                                List.of(source.region()),
                                op.bytes(),
                                this));
            }
        }

        @Override
        public void onSendFailed(SendOp op, KvError error, String detail) {
            sends.onSendFailed(op, error, detail);
        }
    }

    @Test
    void shouldReturnFromIdleWhenWokenBefore() {
        d.wakeup();
        d.poll(nowNs); // Must not swallow the wake-up.
        long startNs = System.nanoTime();
        d.idle(PATIENCE_NS);
        assertThat(System.nanoTime() - startNs).isLessThan(PATIENCE_NS / 2);
    }

    @Test
    void shouldReturnFromIdleWhenBytesCome() {
        receive(p, 1, 0, destination(10));
        send(d, 1, 0, source(10));
        stepUntilReceived("received ticket=1 piece=0");
        receive(p, 2, 0, destination(10));
        send(d, 2, 0, source(10));
        p.poll(nowNs);
        long startNs = System.nanoTime();
        d.idle(PATIENCE_NS);
        assertThat(System.nanoTime() - startNs).isLessThan(PATIENCE_NS / 2);
    }

    @Test
    void shouldHoldWithADeviceThreadForEachPlane() throws InterruptedException {
        int tickets = 400;
        Bytes[] sources = new Bytes[tickets];
        Bytes[] destinations = new Bytes[tickets];
        boolean[] cancelled = new boolean[tickets];
        DeviceThread receiver = new DeviceThread(d);
        for (int i = 0; i < tickets; i++) {
            int ticket = i;
            sources[i] = source(1 + random.nextInt(60_000));
            destinations[i] = destination((int) sources[i].region().bytes());
            receiver.offer(() -> receive(p, ticket, 0, destinations[ticket]));
            send(d, ticket, 0, sources[i]);
            cancelled[i] = random.nextInt(8) == 0;
            if (cancelled[i] && random.nextBoolean()) {
                receiver.offer(() -> d.cancelReceive(ticket));
            } else if (cancelled[i]) {
                p.cancelSends(d.endpoint(), ticket);
            }
            p.poll(nowNs);
        }
        long startNs = System.nanoTime();
        while (sends.events().size() < tickets && System.nanoTime() - startNs < PATIENCE_NS) {
            p.poll(nowNs);
        }
        receiver.stopWhen(() -> uncancelledEnded(cancelled));

        for (int i = 0; i < tickets; i++) {
            boolean received = receives.has("received ticket=%d piece=0".formatted(i));
            assertThat(received || cancelled[i]).as("seed=%d ticket=%d", seed, i).isTrue();
            assertThat(!received || destinations[i].holds(sources[i])).isTrue();
        }
    }

    private boolean uncancelledEnded(boolean[] cancelled) {
        for (int i = 0; i < cancelled.length; i++) {
            if (!cancelled[i] && !receives.has("received ticket=%d piece=0".formatted(i))) {
                return false;
            }
        }
        return true;
    }

    /** Carries out all commands, then polls, then perhaps idles, as a device agent does. */
    private static final class DeviceThread {
        private final Queue<Runnable> commands = new ConcurrentLinkedQueue<>();
        private final DataPlane plane;
        private final Thread thread = new Thread(this::run, "kv-dev-test");
        private volatile BooleanSupplier done = () -> false;

        DeviceThread(DataPlane plane) {
            this.plane = plane;
            thread.start();
        }

        void offer(Runnable command) {
            commands.add(command);
            plane.wakeup();
        }

        /** Waits until the condition holds on the thread, or patience ends. */
        void stopWhen(BooleanSupplier condition) throws InterruptedException {
            done = condition;
            thread.join(TimeUnit.NANOSECONDS.toMillis(PATIENCE_NS));
            done = () -> true;
            thread.join();
        }

        private void run() {
            while (!done.getAsBoolean()) {
                for (Runnable command; (command = commands.poll()) != null; ) {
                    command.run();
                }
                if (plane.poll(0) == 0) {
                    plane.idle(10_000_000);
                }
            }
        }
    }
}
