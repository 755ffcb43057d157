// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.DeviceBytes;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.spi.KvError;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Contract of the links of two devices, on any NCCL. One thread drives both; time is the clock's.
 */
abstract class NcclPairContract {

    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(60);
    private static final int LARGE = 64 << 20;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private Side p;
    private Side d;

    abstract CudaDevice openDevice(int ordinal);

    abstract NcclLibrary openLibrary(CudaDevice device);

    @BeforeEach
    void openBoth() {
        p = new Side(openDevice(0));
        d = new Side(openDevice(1));
    }

    @AfterEach
    void closeBoth() {
        if (d != null) {
            // One process is both ends, and NCCL gives back only when both have ended.
            p.abortAll();
            d.abortAll();
            p.close();
            d.close();
        }
    }

    /** A device with its lane. */
    private final class Side {
        final CudaDevice device;
        final NcclLibrary library;
        final CudaStream stream;
        final NcclLane lane;
        final List<String> told = new ArrayList<>();
        private final List<NcclPair> links = new ArrayList<>();
        private final List<Runnable> undo = new ArrayList<>();

        Side(CudaDevice device) {
            this.device = device;
            device.attach();
            library = openLibrary(device);
            stream = device.newStream();
            lane =
                    new NcclLane(
                            device,
                            library,
                            stream,
                            new NcclLane.Limits(
                                    PATIENCE_NS, PATIENCE_NS, PATIENCE_NS, PATIENCE_NS, 0));
        }

        NcclPair connect(byte[] id, boolean sends) {
            device.attach();
            NcclPair.Listener listener =
                    new NcclPair.Listener() {
                        @Override
                        public void onReady(NcclPair link) {
                            told.add("ready");
                        }

                        @Override
                        public void onClosed(NcclPair link, KvError error, String detail) {
                            told.add("closed " + error);
                        }
                    };
            NcclPair link = lane.connect("other", id, sends, listener);
            links.add(link);
            return link;
        }

        void post(NcclPair link, String name, NcclMessage... parts) {
            postAfter(link, null, name, parts);
        }

        void postAfter(NcclPair link, CudaEvent after, String name, NcclMessage... parts) {
            device.attach();
            link.post(
                    List.of(parts),
                    after,
                    new NcclGroup.Listener() {
                        @Override
                        public void onDone(NcclGroup group) {
                            told.add(name);
                        }

                        @Override
                        public void onFailed(NcclGroup group, KvError error, String detail) {
                            told.add(name + " " + error);
                        }
                    });
        }

        long allocate(byte[] content) {
            device.attach();
            long address = device.allocate(content.length);
            undo.add(() -> device.free(address));
            DeviceBytes.write(device, address, content);
            return address;
        }

        byte[] read(long address, int bytes) {
            device.attach();
            return DeviceBytes.read(device, address, bytes);
        }

        void poll() {
            device.attach();
            lane.poll(System.nanoTime());
        }

        void abortAll() {
            device.attach();
            links.forEach(link -> link.abort(KvError.CLOSED, "the test is over"));
        }

        void close() {
            device.attach();
            lane.close(System::nanoTime);
            undo.forEach(Runnable::run);
            stream.close();
            device.close();
        }
    }

    private byte[] randomBytes(int bytes) {
        byte[] content = new byte[bytes];
        random.nextBytes(content);
        return content;
    }

    private void until(BooleanSupplier done) {
        long startNs = System.nanoTime();
        while (!done.getAsBoolean()) {
            p.poll();
            d.poll();
            if (System.nanoTime() - startNs > PATIENCE_NS) {
                throw new AssertionError("seed=%d p=%s d=%s".formatted(seed, p.told, d.told));
            }
        }
    }

    private NcclPair[] connect() {
        p.device.attach();
        byte[] id = p.library.newUniqueId();
        return new NcclPair[] {p.connect(id, true), d.connect(id, false)};
    }

    @Test
    void groupsPostedBeforeItIsReadyArriveInOrder() {
        int bytes = 1_000_003;
        int groups = 40;
        byte[] sent = randomBytes(bytes * groups);
        long source = p.allocate(sent);
        long destination = d.allocate(new byte[sent.length]);
        NcclPair[] link = connect();
        List<String> expected = new ArrayList<>(List.of("ready"));
        for (int i = 0; i < groups; i++) {
            long at = (long) i * bytes;
            int half = bytes / 2;
            p.post(
                    link[0],
                    "group " + i,
                    new NcclMessage(source + at, half),
                    new NcclMessage(source + at + half, bytes - half));
            d.post(
                    link[1],
                    "group " + i,
                    new NcclMessage(destination + at, half),
                    new NcclMessage(destination + at + half, bytes - half));
            expected.add("group " + i);
        }
        until(() -> p.told.size() == groups + 1 && d.told.size() == groups + 1);
        assertThat(p.told).isEqualTo(expected);
        assertThat(d.told).isEqualTo(expected);
        assertThat(d.read(destination, sent.length)).isEqualTo(sent);
        assertThat(link[0].communicatorBytes()).isPositive();
        assertThat(p.lane.communicatorBytes()).isEqualTo(link[0].communicatorBytes());
    }

    @Test
    void linksShareTheLane() {
        int bytes = 500_000;
        int groups = 30;
        byte[] sent = randomBytes(bytes * groups);
        long source = p.allocate(sent);
        long destination = d.allocate(new byte[sent.length]);
        NcclPair[] first = connect();
        NcclPair[] second = connect();
        until(() -> p.told.size() == 2 && d.told.size() == 2);
        for (int i = 0; i < groups; i++) {
            NcclPair[] link = random.nextBoolean() ? first : second;
            long at = (long) i * bytes;
            p.post(link[0], "group", new NcclMessage(source + at, bytes));
            d.post(link[1], "group", new NcclMessage(destination + at, bytes));
        }
        until(() -> p.told.size() == groups + 2 && d.told.size() == groups + 2);
        assertThat(d.read(destination, sent.length)).isEqualTo(sent);
    }

    @Test
    void aGroupWaitsForItsEvent() {
        byte[] content = randomBytes(LARGE);
        long late = p.allocate(content);
        long source = p.allocate(new byte[LARGE]);
        long destination = d.allocate(new byte[LARGE]);
        NcclPair[] link = connect();
        until(() -> p.told.contains("ready") && d.told.contains("ready"));
        p.device.attach();
        try (CudaStream producer = p.device.newStream();
                CudaEvent produced = p.device.newEvent()) {
            for (int i = 0; i < 16; i++) {
                p.device.copy(late, source, LARGE, producer);
            }
            p.device.record(produced, producer);
            p.postAfter(link[0], produced, "piece", new NcclMessage(source, LARGE));
            d.post(link[1], "piece", new NcclMessage(destination, LARGE));
            until(() -> p.told.contains("piece") && d.told.contains("piece"));
            p.device.attach();
        }
        assertThat(d.read(destination, LARGE)).isEqualTo(content);
    }

    @Test
    void anAbortedGroupIsToldWhenItsMemoryIsQuiet() {
        byte[] poison = randomBytes(LARGE);
        long destination = d.allocate(poison);
        NcclPair[] link = connect();
        until(() -> p.told.contains("ready") && d.told.contains("ready"));
        d.post(link[1], "piece", new NcclMessage(destination, LARGE));
        for (int i = 0; i < 100; i++) {
            d.poll();
        }
        assertThat(d.told).containsExactly("ready");
        d.device.attach();
        link[1].abort(KvError.CANCELLED, "test");
        p.device.attach();
        link[0].abort(KvError.CANCELLED, "test");
        until(() -> p.lane.links() == 0 && d.lane.links() == 0);
        assertThat(d.told).containsExactly("ready", "piece CANCELLED", "closed CANCELLED");
        assertThat(p.told).containsExactly("ready", "closed CANCELLED");
        assertThat(d.read(destination, LARGE)).isEqualTo(poison);
    }

    @Test
    void linksComeAndGo() {
        long source = p.allocate(randomBytes(100));
        long destination = d.allocate(new byte[100]);
        for (int round = 0; round < 3; round++) {
            NcclPair[] link = connect();
            p.post(link[0], "piece", new NcclMessage(source, 100));
            d.post(link[1], "piece", new NcclMessage(destination, 100));
            until(() -> link[0].idle() && link[1].idle());
            p.device.attach();
            link[0].close();
            d.device.attach();
            link[1].close();
            until(() -> p.lane.links() == 0 && d.lane.links() == 0);
            assertThat(p.told).containsExactly("ready", "piece", "closed CLOSED");
            assertThat(d.told).containsExactly("ready", "piece", "closed CLOSED");
            p.told.clear();
            d.told.clear();
        }
    }
}
