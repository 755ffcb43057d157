// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.spi.KvLayout;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.TransferId;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** Store in which fake connectors of one JVM leave each other KV. Thread-safe. */
final class Wire {

    private record Key(TransferId id, int layer) {}

    private final Map<Key, byte[]> layers = new HashMap<>();
    private final Map<TransferId, Integer> complete = new HashMap<>();
    // Of those that wait for one: what came, or nothing yet.
    private final Map<TransferId, Optional<byte[]>> attachments = new HashMap<>();
    private final List<Runnable> wakeups = new CopyOnWriteArrayList<>();
    private boolean open = true;

    void onChange(Runnable wakeup) {
        wakeups.add(wakeup);
    }

    /** A closed wire delivers nothing, until it is opened. */
    void open(boolean now) {
        synchronized (this) {
            open = now;
        }
        changed();
    }

    void changed() {
        wakeups.forEach(Runnable::run);
    }

    synchronized boolean arrived(TransferId id, int layerCount) {
        boolean waits = attachments.containsKey(id) && attachments.get(id).isEmpty();
        return open && complete.getOrDefault(id, 0) == layerCount && !waits;
    }

    void attach(TransferId id, byte[] content) {
        synchronized (this) {
            attachments.put(id, Optional.of(content));
        }
        changed();
    }

    synchronized Optional<byte[]> attachment(TransferId id) {
        return attachments.getOrDefault(id, Optional.empty());
    }

    void save(
            KvLayout layout,
            StepMetadata.Task task,
            int layer,
            ByteBuffer memory,
            boolean withAttachments) {
        boolean attaches = withAttachments && task.request().attachment();
        boolean last = task.toToken() == task.request().transferTokens() + (attaches ? 1 : 0);
        TransferId id = task.request().route().orElseThrow().id();
        synchronized (this) {
            byte[] bytes =
                    layers.computeIfAbsent(
                            new Key(id, layer),
                            key ->
                                    new byte
                                            [Math.toIntExact(
                                                    layout.layerBytes(
                                                            task.request()
                                                                    .promptTokens()
                                                                    .length))]);
            if (attaches) {
                attachments.putIfAbsent(id, Optional.empty());
            }
            copy(layout, task, memory, bytes, true);
            if (last) {
                complete.merge(id, 1, Integer::sum);
            }
        }
        if (last) {
            changed();
        }
    }

    synchronized void load(KvLayout layout, StepMetadata.Task task, int layer, ByteBuffer memory) {
        TransferId id = task.request().route().orElseThrow().id();
        copy(layout, task, memory, layers.get(new Key(id, layer)), false);
    }

    /** Writes what is no number where a task's KV should be, in all layers. */
    static void spoil(KvLayout layout, StepMetadata.Task task, List<ByteBuffer> memory) {
        for (ByteBuffer layer : memory) {
            for (KvLayout.Run run :
                    layout.runs(
                            task.blocks(), task.fromToken(), task.toToken(), layer.capacity())) {
                for (long at = run.offset(); at < run.offset() + run.bytes(); at++) {
                    layer.put((int) at, (byte) 0xFF);
                }
            }
        }
    }

    private static void copy(
            KvLayout layout,
            StepMetadata.Task task,
            ByteBuffer memory,
            byte[] wire,
            boolean toWire) {
        int half = Math.toIntExact(layout.tokenBytes() / 2);
        int at = 0;
        int rangeHalf = (task.toToken() - task.fromToken()) * half;
        ByteBuffer range = ByteBuffer.allocate(2 * rangeHalf);
        if (!toWire) {
            range.put(wire, task.fromToken() * half, rangeHalf);
            range.put(wire, wire.length / 2 + task.fromToken() * half, rangeHalf);
            range.flip();
        }
        for (KvLayout.Run run :
                layout.runs(task.blocks(), task.fromToken(), task.toToken(), memory.capacity())) {
            ByteBuffer part =
                    memory.slice(Math.toIntExact(run.offset()), Math.toIntExact(run.bytes()));
            if (toWire) {
                range.put(part);
            } else {
                part.put(range.slice(at, part.remaining()));
                at += Math.toIntExact(run.bytes());
            }
        }
        if (toWire) {
            range.flip();
            range.get(wire, task.fromToken() * half, rangeHalf);
            range.get(wire, wire.length / 2 + task.fromToken() * half, rangeHalf);
        }
    }
}
