// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveListener;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.DataPlane.SendListener;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;

/**
 * Some layers from a node to another, and everything that must hold of them: each operation ends
 * once; what is received is what the engine computed; a source isn't read and a destination not
 * written after its operation has ended. For the last, a source is freed and a destination gets
 * another content at once then; an access breaks the process, and {@link #check} looks at the
 * destination when everything has run.
 */
public final class GpuTransfer implements SendListener, ReceiveListener {

    private static final byte NOT_COMPUTED = 0x11;
    private static final byte SEALED = 0x5e;

    /** Where a layer lies at an end. */
    public enum Kind {
        DEVICE,
        PINNED,
        /** On the device, but the engine's stream is yet to write it. */
        COMPUTED;

        private static final List<Kind> ALL = List.of(values());

        static Kind any(Random random) {
            return ALL.get(random.nextInt(ALL.size()));
        }
    }

    private static final class Layer {
        final byte[] content;
        final List<MemoryRegion> source;
        final MemoryRegion destination;
        final boolean computed;
        CudaEvent after;
        boolean posted;
        int sent;
        KvError sendError;
        boolean received;

        Layer(
                byte[] content,
                List<MemoryRegion> source,
                MemoryRegion destination,
                boolean computed) {
            this.content = content;
            this.source = source;
            this.destination = destination;
            this.computed = computed;
        }
    }

    final GpuNode from;
    final GpuNode to;
    final long ticket;
    public final List<String> defects = new ArrayList<>();
    // What the engine does when it hears of something.
    IntConsumer onLayerReceived = index -> {};
    IntConsumer onSendEnded = index -> {};
    Runnable onReceiveEnded = () -> {};
    private final Random random;
    private final int firstLayer;
    private final List<Layer> layers = new ArrayList<>();
    private boolean receiving;
    private int receiveEnds;
    private KvError receiveError;
    private String receiveDetail = "";

    public GpuTransfer(GpuNode from, GpuNode to, long ticket, Random random) {
        this.from = from;
        this.to = to;
        this.ticket = ticket;
        this.random = random;
        this.firstLayer = random.nextInt(5);
    }

    /** Adds a layer. */
    public GpuTransfer layer(int bytes, int runs, Kind sourceKind, Kind destinationKind) {
        byte[] content = new byte[bytes];
        random.nextBytes(content);
        List<MemoryRegion> source = from.scattered(bytes, runs, sourceKind == Kind.PINNED);
        MemoryRegion destination =
                destinationKind == Kind.PINNED ? to.pinned(bytes) : to.reserve(bytes);
        boolean computed = sourceKind == Kind.COMPUTED;
        Layer layer = new Layer(content, source, destination, computed);
        if (computed) {
            source.forEach(region -> from.fill(region, NOT_COMPUTED));
        } else {
            from.write(source, content);
        }
        layers.add(layer);
        return this;
    }

    public GpuTransfer layer(int bytes) {
        return layer(bytes, 1, Kind.DEVICE, Kind.DEVICE);
    }

    public int layerNumber(int index) {
        return firstLayer + index;
    }

    public GpuTransfer receive() {
        receiving = true;
        List<MemoryRegion> destinations =
                layers.stream().map(layer -> layer.destination).collect(Collectors.toList());
        to.plane.receive(new ReceiveOp(from.endpoint(), ticket, firstLayer, destinations, this));
        return this;
    }

    /** Sends a layer, by its place; its engine may be far from computing it. */
    public GpuTransfer send(int index) {
        Layer layer = layers.get(index);
        layer.posted = true;
        if (layer.computed) {
            compute(layer);
        }
        from.plane.send(
                new SendOp(
                        to.plane.endpoint(),
                        ticket,
                        firstLayer + index,
                        layer.source,
                        layer.content.length,
                        layer.after,
                        this));
        return this;
    }

    // The engine's work: bytes come into being on its stream.
    private void compute(Layer layer) {
        if (layer.after != null) {
            return;
        }
        MemoryRegion computed = from.allocate(layer.content.length);
        from.process.write(computed.address(), layer.content);
        long at = computed.address();
        for (MemoryRegion region : layer.source) {
            from.device.copy(at, region.address(), region.bytes(), from.engine);
            at += region.bytes();
        }
        layer.after = from.newEvent();
        from.device.record(layer.after, from.engine);
    }

    /** Has the engine enqueue its work now, so that sending calls nothing of CUDA. */
    GpuTransfer prepare() {
        layers.stream().filter(layer -> layer.computed).forEach(this::compute);
        return this;
    }

    public GpuTransfer sendAll() {
        for (int index = 0; index < layers.size(); index++) {
            send(index);
        }
        return this;
    }

    public void cancelReceive() {
        to.plane.cancelReceive(ticket);
    }

    public void cancelSends() {
        from.plane.cancelSends(to.plane.endpoint(), ticket);
    }

    boolean isOf(GpuNode node) {
        return from == node || to == node;
    }

    public synchronized boolean received() {
        return receiveEnds > 0 && receiveError == null;
    }

    public synchronized boolean receiveEnded() {
        return !receiving || to.killed || receiveEnds > 0;
    }

    public synchronized KvError receiveError() {
        return receiveError;
    }

    synchronized boolean layerReceived(int index) {
        return layers.get(index).received;
    }

    public synchronized boolean sendEnded(int index) {
        return layers.get(index).sent > 0;
    }

    public synchronized KvError sendError(int index) {
        return layers.get(index).sendError;
    }

    public synchronized boolean sendsEnded() {
        return from.killed || layers.stream().allMatch(layer -> !layer.posted || layer.sent > 0);
    }

    /** Whether something has failed, so that the rest may never end by itself. */
    synchronized boolean failed() {
        return receiveError != null || layers.stream().anyMatch(layer -> layer.sendError != null);
    }

    /** Whether all that was asked for has ended. */
    public boolean over() {
        return sendsEnded() && receiveEnded();
    }

    @Override
    public synchronized void onSent(SendOp op) {
        sendEnds(op, null);
    }

    @Override
    public synchronized void onSendFailed(SendOp op, KvError error, String detail) {
        sendEnds(op, error);
    }

    private void sendEnds(SendOp op, KvError error) {
        Layer layer = layers.get(op.layer() - firstLayer);
        layer.sent++;
        layer.sendError = error;
        if (layer.sent > 1) {
            defects.add("layer=" + op.layer() + " sent again, error=" + error);
        }
        // Where the engine has yet to write, nobody frees it.
        boolean computed = layer.after == null || from.broken || from.device.complete(layer.after);
        if (layer.sent == 1 && computed) {
            from.discard(layer.source);
        }
        if (layer.after != null) {
            from.closeEvent(layer.after);
        }
        onSendEnded.accept(op.layer() - firstLayer);
    }

    @Override
    public synchronized void onLayerReceived(ReceiveOp op, int index) {
        Layer layer = layers.get(index - firstLayer);
        if (layer.received || receiveEnds > 0) {
            defects.add("layer=" + index + " received again or late, error=" + receiveError);
        }
        layer.received = true;
        checkContent(index, layer);
        if (layers.stream().allMatch(each -> each.received)) {
            receiveEnds++;
            seal();
        }
        onLayerReceived.accept(index - firstLayer);
        if (receiveEnds > 0) {
            onReceiveEnded.run();
        }
    }

    private void checkContent(int index, Layer layer) {
        byte[] got = to.read(layer.destination);
        int difference = Arrays.mismatch(got, layer.content);
        if (difference >= 0) {
            defects.add(
                    "layer=%d of bytes=%d differs at=%d got=0x%x"
                            .formatted(index, got.length, difference, got[difference]));
        }
    }

    @Override
    public synchronized void onReceiveFailed(ReceiveOp op, KvError error, String detail) {
        receiveEnds++;
        if (receiveEnds > 1) {
            defects.add("receive ended again: " + error + " " + detail);
        }
        receiveError = error;
        receiveDetail = detail;
        for (int i = 0; i < layers.size(); i++) {
            if (layers.get(i).received) {
                checkContent(firstLayer + i, layers.get(i));
            }
        }
        seal();
        onReceiveEnded.run();
    }

    private void seal() {
        layers.forEach(layer -> to.fill(layer.destination, SEALED));
    }

    /** Checks all rules, once everything has run. */
    public synchronized void check() {
        assertThat(defects).as(toString()).isEmpty();
        assertThat(over()).as("over: " + this).isTrue();
        if (to.killed || !receiving) {
            return;
        }
        for (Layer layer : layers) {
            byte[] sealed = new byte[layer.content.length];
            Arrays.fill(sealed, SEALED);
            assertThat(Arrays.mismatch(to.read(layer.destination), sealed))
                    .as("written after the end: " + this)
                    .isEqualTo(-1);
        }
    }

    @Override
    public synchronized String toString() {
        return "ticket=%d receive=%s ends=%d error=%s %s layers=%s"
                .formatted(
                        ticket,
                        receiving,
                        receiveEnds,
                        receiveError,
                        receiveDetail,
                        layers.stream()
                                .map(
                                        each ->
                                                "[bytes=%d runs=%d %s posted=%s sent=%d/%s received=%s]"
                                                        .formatted(
                                                                each.content.length,
                                                                each.source.size(),
                                                                each.destination.kind(),
                                                                each.posted,
                                                                each.sent,
                                                                each.sendError,
                                                                each.received))
                                .collect(Collectors.joining()));
    }
}
