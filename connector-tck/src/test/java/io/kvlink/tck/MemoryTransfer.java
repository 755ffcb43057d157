// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** One transfer: its two sides, and the bytes between them. */
final class MemoryTransfer {

    private static final int MOST = Integer.MAX_VALUE;

    final TransferId id;
    final TransferRoute route;
    private final MemoryNetwork network;
    private Optional<MemorySide> producer = Optional.empty();
    private Optional<MemorySide> consumer = Optional.empty();
    // [layer][token]: bytes of one token. Filled by a push only.
    private byte[][][] bytes = {};
    private boolean attached;
    private Optional<byte[]> attachment = Optional.empty();
    private int savedTokens;
    private boolean saved;
    private boolean ready;
    // On a device: what was saved is computed, is copied, is loaded.
    private Optional<FakeDevice.Event> computed = Optional.empty();
    private Optional<FakeDevice.Event> copied = Optional.empty();
    private Optional<FakeDevice.Event> fetched = Optional.empty();
    private long movedBytes;
    private long readyNs;
    boolean pushed;
    boolean immortal;
    // Its bytes are lost, of the layers that aren't loaded yet.
    private boolean broken;
    // The consumer's host pool has its bytes.
    private boolean pooled;

    MemoryTransfer(MemoryNetwork network, TransferId id, TransferRoute route) {
        this.network = network;
        this.id = id;
        this.route = route;
    }

    void join(MemorySide side) {
        Optional<MemorySide> there = side.producer ? producer : consumer;
        if (there.isPresent() && !has(Fault.SERVES_A_TRANSFER_TWICE)) {
            side.fail(KvError.NO_SUCH_TRANSFER, "transfer=" + id + " belongs to another request");
            return;
        }
        side.transfer = Optional.of(this);
        if (there.isEmpty() && side.producer) {
            producer = Optional.of(side);
        } else if (there.isEmpty()) {
            consumer = Optional.of(side);
        }
        if (producer.isPresent() && consumer.isPresent()) {
            compare(producer.get(), consumer.get());
        }
    }

    boolean saved() {
        return saved;
    }

    boolean ready() {
        return ready;
    }

    boolean involves(MemoryConnector connector) {
        return producer.filter(side -> side.connector == connector).isPresent()
                || consumer.filter(side -> side.connector == connector).isPresent();
    }

    boolean waitsFor(MemoryConnector connector) {
        return producer.filter(side -> side.connector == connector && !side.ended).isPresent()
                || consumer.filter(side -> side.connector == connector && !side.ended).isPresent();
    }

    boolean hasConsumer() {
        return consumer.isPresent();
    }

    long bytes() {
        return Arrays.stream(bytes).flatMap(Arrays::stream).mapToLong(b -> b.length).sum();
    }

    /** A layer of a token range is computed; takes the bytes if they are to be pushed. */
    void save(MemorySide side, int layer, int from, int to) {
        MemoryCopies copies = side.connector.copies;
        computed = copies.computed();
        if (side.connector.push) {
            if (bytes.length == 0) {
                int layers = side.connector.layout().layers();
                bytes = new byte[layers][side.request.promptTokens().length][0];
            }
            int tokenBytes = Math.toIntExact(side.connector.layout().tokenBytes());
            for (int token = from; token < to; token++) {
                bytes[layer][token] = new byte[tokenBytes];
            }
            BlockTable blocks = side.blocks;
            copies.send(
                    computed,
                    () -> {
                        for (int token = from; token < to; token++) {
                            read(side, blocks, layer, token, bytes[layer][token]);
                        }
                    });
            copied = copies.end();
        }
        if (layer == side.connector.layout().layers() - 1) {
            onSaved(side, from, to);
        }
    }

    void breakLoad() {
        broken = true;
    }

    /** True if its bytes are in the consumer's buffer. */
    boolean buffered() {
        return pushed && !pooled;
    }

    boolean broken() {
        return broken;
    }

    void load(MemorySide side, int layer) {
        if (broken) {
            return;
        }
        if (pooled) {
            network.restore(this, bytes);
        }
        BlockTable to = side.blocks;
        MemorySide source = producer.orElseThrow();
        BlockTable from = source.blocks;
        MemoryCopies copies = side.connector.copies;
        copies.load(
                computed,
                () -> {
                    for (int token = side.loadFrom; token < side.loadTo; token++) {
                        if (!(has(Fault.FORGETS_THE_TAIL_OF_LONG_PROMPTS) && token >= 600)) {
                            byte[] content = bytes.length == 0 ? new byte[0] : bytes[layer][token];
                            if (!pushed) {
                                content = new byte[(int) side.connector.layout().tokenBytes()];
                                read(source, from, layer, token, content);
                            }
                            write(side, to, layer, token, content);
                        }
                    }
                });
        fetched = copies.end();
    }

    /** All is saved, and this goes with it; only the first call counts. */
    void attach(Optional<byte[]> content) {
        if (!attached) {
            attached = true;
            boolean cut = has(Fault.CUTS_ATTACHMENTS);
            attachment =
                    content.map(all -> Arrays.copyOf(all, Math.min(all.length, cut ? 255 : MOST)));
            if (has(Fault.KEEPS_ONLY_THE_LATEST_ATTACHMENT) && content.isPresent()) {
                network.latestAttachment = attachment;
            }
            settleSave();
        }
    }

    /** Attached bytes, once all is here. */
    Optional<byte[]> attachment() {
        if (!ready) {
            return Optional.empty();
        }
        boolean latest = attachment.isPresent() && has(Fault.KEEPS_ONLY_THE_LATEST_ATTACHMENT);
        Optional<byte[]> came = latest ? network.latestAttachment : attachment;
        return has(Fault.LENDS_ITS_ATTACHMENTS) ? came : came.map(byte[]::clone);
    }

    /** The step whose stream waits for the load is over; the source may still be read. */
    void onLoaded(MemorySide side) {
        if (broken
                && !has(Fault.REPORTS_A_BROKEN_LOAD_AS_LOADED)
                && !has(Fault.REPORTS_A_BROKEN_ASYNC_LOAD_AS_LOADED)) {
            onBroken(side);
            return;
        }
        movedBytes =
                side.connector.layout().layerBytes(side.loadTo - side.loadFrom)
                        * side.connector.layout().layers();
        side.succeed(movedBytes);
        if (has(Fault.REUSES_RECEIVED_EARLY)) {
            Arrays.stream(bytes).flatMap(Arrays::stream).forEach(any -> Arrays.fill(any, (byte) 0));
        }
        settleLoad(side);
    }

    private void onBroken(MemorySide side) {
        if (has(Fault.SWALLOWS_A_BROKEN_LOAD) || has(Fault.SWALLOWS_A_BROKEN_ASYNC_LOAD)) {
            side.ended = true;
        }
        fail(KvError.PEER_LOST, "transfer=" + id + " broke");
    }

    void onLeft(MemorySide side) {
        if (!side.producer && has(Fault.LEAKS_WHAT_A_LEAVER_LEFT) && !ready) {
            immortal = true;
            side.ended = false;
        } else if (!(side.producer && has(Fault.IGNORES_A_PRODUCER_THAT_LEAVES))) {
            fail(KvError.CANCELLED, "request=" + side.request.id() + " left");
        } else {
            ready = true;
            pushed = true;
            bytes = new byte[3][side.request.promptTokens().length][0];
            side.fail(KvError.CANCELLED, "left");
        }
    }

    void reap(long nowNs) {
        if (immortal) {
            return;
        }
        settleSave();
        if (consumer.isPresent() && movedBytes > 0) {
            settleLoad(consumer.get());
            return;
        }
        if (ready && consumer.isEmpty()) {
            boolean lost = !network.reaches(route.decode());
            MemoryConnector sender = producer.orElseThrow().connector;
            boolean waitsForEver =
                    has(lost ? Fault.WAITS_FOR_A_LOST_CONSUMER : Fault.NEVER_EXPIRES);
            if (nowNs - readyNs > (lost ? sender.deadlineNs : sender.ttlNs) && !waitsForEver) {
                network.onExpired(this);
                fail(lost ? KvError.PEER_LOST : KvError.NO_SUCH_TRANSFER, "transfer=" + id);
            }
        }
        consumer.filter(side -> !ready && side.isLate(nowNs))
                .filter(side -> producer.isPresent() || !has(Fault.WAITS_FOR_A_LOST_PRODUCER))
                .ifPresent(side -> fail(KvError.DEADLINE, "transfer=" + id));
    }

    void fail(KvError error, String detail) {
        network.forget(this);
        producer.ifPresent(side -> side.fail(error, detail));
        consumer.ifPresent(side -> side.fail(error, detail));
    }

    private void onSaved(MemorySide side, int from, int to) {
        boolean inOrder = from == savedTokens || has(Fault.SAVES_ONLY_THE_LAST_CHUNK);
        savedTokens = inOrder ? to : savedTokens;
        if (savedTokens < side.savesTokens() || saved) {
            return;
        }
        if (side.connector.push && network.reaches(route.decode())) {
            pooled = !network.hasRoom(route.decode(), bytes()) && network.pools(this, bytes);
            if (!pooled && !network.hasRoom(route.decode(), bytes())) {
                fail(KvError.NO_SPACE, "bytes=" + bytes());
                if (has(Fault.THROWS_WHEN_FULL)) {
                    throw new IllegalStateException("full");
                }
                return;
            }
            if (has(Fault.SAVES_ONLY_THE_LAST_CHUNK)) {
                for (byte[][] layer : bytes) {
                    Arrays.fill(layer, 0, from, new byte[layer[from].length]);
                }
            }
            pushed = true;
            if (has(Fault.REPORTS_SENT_BEFORE_IT_IS)) {
                side.succeed(bytes());
            }
        }
        saved = true;
        settleSave();
    }

    // Once the bytes have left the blocks.
    private void settleSave() {
        boolean waits = producer.filter(side -> side.request.attachment()).isPresent() && !attached;
        if (!saved || ready || waits || !producer.orElseThrow().connector.copies.reached(copied)) {
            return;
        }
        if (pushed) {
            producer.get().succeed(bytes());
        }
        ready = true;
        readyNs = network.clock.nowNs();
        consumer.ifPresent(receiver -> receiver.connector.wake());
    }

    private void settleLoad(MemorySide side) {
        if (side.connector.copies.reached(fetched) || has(Fault.REPORTS_FETCHED_BEFORE_IT_IS)) {
            producer.ifPresent(sender -> sender.succeed(movedBytes));
            network.forget(this);
        }
    }

    private void compare(MemorySide sender, MemorySide receiver) {
        KvLayout layout = sender.connector.layout();
        String difference = layout.firstDifference(receiver.connector.layout());
        if (layout.tpRank() > 0 && has(Fault.KNOWS_THE_FIRST_RANK_ONLY)) {
            difference = "tp";
        }
        if (!difference.isEmpty()) {
            boolean mute = has(Fault.REFUSES_LAYOUTS_WITHOUT_SAYING_WHICH);
            fail(KvError.LAYOUT_MISMATCH, mute ? "they differ" : difference);
        } else if (!sender.sharesPromptWith(receiver) && !has(Fault.SERVES_ANY_PROMPT)
                || !sender.sharesSaltWith(receiver) && !has(Fault.IGNORES_SALTS)) {
            fail(KvError.PROMPT_MISMATCH, "transfer=" + id);
        }
    }

    private static void read(
            MemorySide side, BlockTable blocks, int layer, int token, byte[] content) {
        int at = 0;
        ByteBuffer memory = side.connector.memory(layer);
        for (Run run : runs(side, blocks, token)) {
            memory.get(Math.toIntExact(run.offset()), content, at, (int) run.bytes());
            at += (int) run.bytes();
        }
    }

    private void write(MemorySide side, BlockTable blocks, int layer, int token, byte[] content) {
        if (content.length == 0 || isIgnored(side)) {
            return;
        }
        int at = 0;
        ByteBuffer memory = side.connector.memory(layer);
        for (Run run : runs(side, blocks, token)) {
            memory.put(Math.toIntExact(run.offset()), content, at, (int) run.bytes());
            at += (int) run.bytes();
        }
    }

    private boolean isIgnored(MemorySide side) {
        MemoryConnector from = producer.orElseThrow().connector;
        MemoryConnector to = side.connector;
        boolean orders = from.layout().axisOrder() != to.layout().axisOrder();
        boolean sizes = from.layout().blockSize() != to.layout().blockSize();
        boolean kinds = from.memory(0).isDirect() != to.memory(0).isDirect();
        return (orders && has(Fault.IGNORES_AXIS_ORDERS))
                || (sizes && has(Fault.IGNORES_BLOCK_SIZES))
                || (kinds && has(Fault.IGNORES_DIRECT_MEMORY));
    }

    private static List<Run> runs(MemorySide side, BlockTable blocks, int token) {
        long regionBytes = side.connector.memory(0).capacity();
        return side.connector.layout().runs(blocks, token, token + 1, regionBytes);
    }

    private boolean has(Fault fault) {
        return network.fault == fault;
    }
}
