// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/**
 * A device without hardware. A stream is a queue; a little of each is run whenever the host calls,
 * in an order that a seed decides. An idle device is fast; after {@link Stream#slowDown} each
 * enqueued work takes some turns. Thread-safe.
 */
final class FakeDevice {

    private static final int DELAY_TURNS = 50;
    private static final int SLOW_TURNS = 20;
    private static final int TOO_MANY_TURNS = 1_000_000;

    /** A point in a stream. */
    static final class Event {
        private boolean reached;
    }

    /** Work in the order in which it was enqueued. */
    final class Stream {
        private final long handle;
        private final Stream engine;
        private final Deque<Work> queue = new ArrayDeque<>();
        private boolean slow;

        private Stream(long handle, Stream engine) {
            this.handle = handle;
            this.engine = engine == null ? this : engine;
        }

        long handle() {
            return handle;
        }

        /** Enqueues what takes a copy engine its time, if this is slow. */
        void copy(Runnable copy) {
            enqueue(new Work(engine.slow ? 2 + random.nextInt(SLOW_TURNS) : 0, null, copy));
        }

        /** Enqueues what an idle stream does at once. */
        void run(Runnable work) {
            enqueue(new Work(0, null, work));
        }

        Event record() {
            Event event = new Event();
            run(() -> event.reached = true);
            return event;
        }

        void await(Event event) {
            enqueue(new Work(0, event, () -> {}));
        }

        /** Enqueues a pause, and makes copies slow for good. */
        void slowDown() {
            slow = true;
            enqueue(new Work(DELAY_TURNS, null, () -> {}));
        }

        private void enqueue(Work work) {
            synchronized (FakeDevice.this) {
                queue.addLast(work);
                turn();
            }
        }

        private boolean runFirst() {
            Work first = queue.peekFirst();
            if (first == null || !first.ready()) {
                return false;
            }
            queue.removeFirst().what.run();
            return true;
        }
    }

    private static final class Work {
        private int turns;
        private final Event after;
        private final Runnable what;

        private Work(int turns, Event after, Runnable what) {
            this.turns = turns;
            this.after = after;
            this.what = what;
        }

        private boolean ready() {
            return turns == 0 && (after == null || after.reached);
        }
    }

    private final Random random;
    private final List<Stream> streams = new ArrayList<>();
    private final TreeMap<Long, ByteBuffer> memory = new TreeMap<>();
    private long nextAddress = 1 << 20;

    FakeDevice(long seed) {
        random = new Random(seed);
    }

    /** An engine's. */
    Stream newStream() {
        return add(null);
    }

    /** One of the connector of an engine. */
    Stream newStream(Stream engine) {
        return add(engine);
    }

    private synchronized Stream add(Stream engine) {
        Stream stream = new Stream(streams.size() + 1, engine);
        streams.add(stream);
        return stream;
    }

    synchronized Stream stream(long handle) {
        return streams.get(Math.toIntExact(handle) - 1);
    }

    synchronized MemoryRegion allocate(long bytes) {
        memory.put(nextAddress, ByteBuffer.allocate(Math.toIntExact(bytes)));
        MemoryRegion region = MemoryRegion.ofDevice(0, nextAddress, bytes);
        nextAddress += 2 * bytes;
        return region;
    }

    /** A region's bytes, for work that runs on a stream. */
    synchronized ByteBuffer bytes(MemoryRegion region) {
        var at = memory.floorEntry(region.address());
        int offset = Math.toIntExact(region.address() - at.getKey());
        return at.getValue().slice(offset, Math.toIntExact(region.bytes()));
    }

    /** True if the device has got to an event. */
    synchronized boolean reached(Event event) {
        turn();
        return event.reached;
    }

    /** Lets the device go on until it has got to an event. */
    synchronized void synchronize(Event event) {
        for (int turns = 0; !event.reached; turns++) {
            if (turns == TOO_MANY_TURNS) {
                throw new AssertionError("the streams wait for each other");
            }
            turn();
        }
    }

    private synchronized void turn() {
        List<Stream> order = new ArrayList<>(streams);
        Collections.shuffle(order, random);
        for (Stream stream : order) {
            Work first = stream.queue.peekFirst();
            if (first != null && first.turns > 0) {
                first.turns--;
            }
        }
        for (boolean moved = true; moved; ) {
            moved = false;
            for (Stream stream : order) {
                moved |= stream.runFirst();
            }
        }
    }
}
