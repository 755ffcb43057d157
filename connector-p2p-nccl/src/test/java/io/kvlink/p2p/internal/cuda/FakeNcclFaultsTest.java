// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvConnectorException;
import java.util.Arrays;
import java.util.function.LongPredicate;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** The fake of NCCL when things go wrong, or just otherwise than one would hope. */
class FakeNcclFaultsTest {

    private static final int BYTES = 64;

    /** Two connected ranks on a machine of their own. */
    private static final class Pair {
        final FakeCuda cuda;
        final FakeNccl nccl;
        final FakeProcess sender;
        final FakeProcess receiver;
        final CudaDevice from;
        final CudaDevice to;
        final CudaStream out;
        final CudaStream in;
        final NcclLibrary senderLibrary;
        final NcclLibrary receiverLibrary;
        final NcclCommunicator sending;
        final NcclCommunicator receiving;
        final long source;
        final long destination;

        Pair(long seed) {
            cuda = new FakeCuda(2, seed);
            nccl = new FakeNccl(cuda);
            sender = cuda.newProcess();
            receiver = cuda.newProcess();
            from = sender.open(0);
            to = receiver.open(1);
            out = from.newStream();
            in = to.newStream();
            senderLibrary = nccl.open(from);
            receiverLibrary = nccl.open(to);
            byte[] id = senderLibrary.newUniqueId();
            sending = senderLibrary.init(id, 0, 0);
            receiving = receiverLibrary.init(id, 1, 0);
            source = from.allocate(BYTES);
            destination = to.allocate(BYTES);
            sender.poison(source, BYTES, 1);
            receiver.poison(destination, BYTES, 2);
        }

        Pair connected() {
            cuda.runAll();
            assertThat(sending.state().ready()).isTrue();
            assertThat(receiving.state().ready()).isTrue();
            return this;
        }

        void send(int bytes) {
            senderLibrary.groupStart();
            sending.send(source, bytes, out);
            senderLibrary.groupEnd();
        }

        void receive(int bytes) {
            receiverLibrary.groupStart();
            receiving.receive(destination, bytes, in);
            receiverLibrary.groupEnd();
        }

        boolean reached(CudaDevice device, CudaStream stream) {
            CudaEvent event = device.newEvent();
            device.record(event, stream);
            cuda.runAll();
            return device.complete(event);
        }

        byte[] received() {
            return receiver.read(destination, BYTES);
        }
    }

    private static void awaitRelease(NcclCommunicator ended) {
        for (int i = 0; !ended.released(); i++) {
            assertThat(i).isLessThan(10);
        }
    }

    @Test
    void sizesThatDifferFailBoth() {
        Pair pair = new Pair(1).connected();
        pair.send(BYTES);
        pair.receive(BYTES - 1);
        pair.cuda.runAll();
        assertThat(pair.sending.state().failure()).contains("SIZES_DIFFER");
        assertThat(pair.receiving.state().failed()).isTrue();
        assertThat(pair.received()).containsOnly(2);
    }

    @Test
    void aDeadPeerLeavesOperationsHanging() {
        Pair pair = new Pair(1).connected();
        pair.send(1);
        pair.receive(1);
        pair.cuda.runAll();
        pair.receive(BYTES);
        pair.cuda.runAll();
        pair.sender.kill();
        assertThat(pair.reached(pair.to, pair.in)).isFalse();
        assertThat(pair.receiving.state().failed()).isFalse();
        pair.nccl.deathIsSeen(true);
        assertThat(pair.receiving.state().failed()).isTrue();
        pair.receiving.abort();
        assertThat(pair.reached(pair.to, pair.in)).isTrue();
        awaitRelease(pair.receiving);
        assertThat(pair.nccl.communicators(pair.sender)).isZero();
        assertThat(pair.nccl.communicators(pair.receiver)).isZero();
        assertThat(pair.to.freeBytes()).isEqualTo(FakeCuda.GPU_BYTES - BYTES);
    }

    @Test
    void memoryIsSafeWhenTheStreamIsPastAnAbortAndNotBefore() {
        LongPredicate touchedAfterAbort =
                seed -> {
                    Pair pair = new Pair(seed).connected();
                    pair.send(BYTES);
                    pair.receive(BYTES);
                    for (long step = 0; step < seed % 7 + 4; step++) {
                        pair.cuda.step();
                    }
                    pair.receiving.abort();
                    byte[] atAbort = pair.received();
                    assertThat(pair.reached(pair.to, pair.in)).isTrue();
                    boolean touched = !Arrays.equals(atAbort, pair.received());
                    pair.receiver.poison(pair.destination, BYTES, 3);
                    pair.cuda.runAll();
                    assertThat(pair.received()).containsOnly(3);
                    return touched;
                };
        assertThat(LongStream.range(0, 200).anyMatch(touchedAfterAbort)).isTrue();
    }

    @Test
    void aSendMayEndBeforeItsBytesHaveArrived() {
        boolean seen = false;
        for (long seed = 0; seed < 100 && !seen; seed++) {
            Pair pair = new Pair(seed).connected();
            pair.send(BYTES);
            pair.receive(BYTES);
            while (!pair.sending.state().ready()) {
                pair.cuda.step();
            }
            CudaEvent sent = pair.from.newEvent();
            pair.from.record(sent, pair.out);
            while (!pair.from.complete(sent)) {
                pair.cuda.step();
            }
            seen = pair.received()[BYTES - 1] != 1;
            pair.cuda.runAll();
            assertThat(pair.received()).containsOnly(1);
        }
        assertThat(seen).isTrue();
    }

    @Test
    void initFailsLater() {
        Pair pair = new Pair(1);
        pair.receiver.failNext("asyncInit");
        pair.cuda.runAll();
        assertThat(pair.receiving.state().failed()).isTrue();
        assertThat(pair.sending.state().ready()).isTrue();
    }

    @Test
    void aGroupFailsLater() {
        Pair pair = new Pair(1).connected();
        pair.receiver.failNext("asyncGroup");
        pair.receive(BYTES);
        assertThat(pair.receiving.state()).isEqualTo(NcclState.IN_PROGRESS);
        pair.send(BYTES);
        pair.cuda.runAll();
        assertThat(pair.receiving.state().failed()).isTrue();
        assertThat(pair.reached(pair.to, pair.in)).isTrue();
        assertThat(pair.reached(pair.from, pair.out)).isFalse();
    }

    @Test
    void aRefusedPartRefusesItsGroup() {
        Pair pair = new Pair(1).connected();
        pair.senderLibrary.groupStart();
        pair.sending.send(pair.source, 1, pair.out);
        pair.sender.failNext("send");
        assertThatThrownBy(() -> pair.sending.send(pair.source, 1, pair.out))
                .isInstanceOf(KvConnectorException.class);
        assertThatThrownBy(pair.senderLibrary::groupEnd).isInstanceOf(KvConnectorException.class);
        assertThat(pair.sending.state().failed()).isTrue();
        assertThat(pair.reached(pair.from, pair.out)).isTrue();
    }

    @Test
    void nothingIsSentBeforeItIsReady() {
        Pair pair = new Pair(1);
        pair.senderLibrary.groupStart();
        assertThatThrownBy(() -> pair.sending.send(pair.source, 1, pair.out))
                .hasMessageContaining("not ready");
        assertThatThrownBy(pair.senderLibrary::groupEnd).isInstanceOf(KvConnectorException.class);
        assertThat(pair.sending.state().failed()).isTrue();
    }

    @Test
    void aBusyCommunicatorIsNotDestroyed() {
        Pair pair = new Pair(1).connected();
        pair.send(BYTES);
        pair.receive(BYTES);
        assertThatThrownBy(pair.sending::destroy).isInstanceOf(IllegalStateException.class);
        pair.cuda.runAll();
        pair.sending.destroy();
        awaitRelease(pair.sending);
    }

    @Test
    void anAbortedCommunicatorIsReleasedOnlyBehindWhatIsBeforeIt() {
        Pair pair = new Pair(1).connected();
        byte[] id = pair.senderLibrary.newUniqueId();
        NcclCommunicator other = pair.senderLibrary.init(id, 0, 0);
        NcclCommunicator otherPeer = pair.receiverLibrary.init(id, 1, 0);
        pair.cuda.runAll();
        // The other one's first operation waits in the stream, with this one's behind it.
        pair.receiverLibrary.groupStart();
        otherPeer.receive(pair.destination, 1, pair.to.newStream());
        pair.receiverLibrary.groupEnd();
        pair.senderLibrary.groupStart();
        other.send(pair.source, 2, pair.out);
        pair.senderLibrary.groupEnd();
        pair.cuda.runAll();
        pair.receive(BYTES);
        pair.send(BYTES);
        pair.cuda.runAll();
        pair.sending.abort();
        pair.cuda.runAll();
        assertThat(pair.sending.released()).isFalse();
        other.abort();
        pair.cuda.runAll();
        awaitRelease(pair.sending);
        awaitRelease(other);
    }
}
