// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.PageLocker;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Device whose streams run what is enqueued as late as allowed. Streams of the connector may run as
 * early as allowed instead. A missing wait shows as wrong bytes in one of the two. One thread.
 */
final class FakeStreams implements CopyDevice {

    /** Stream of the engine. */
    static final long ENGINE = 1;

    private static final long PAGE = 1 << 20;

    /** State of an event when it was recorded. */
    private static final class Mark {
        private final long stream;
        private boolean reached;

        Mark(long stream) {
            this.stream = stream;
        }
    }

    /**
     * Entry of a stream: waits for a mark, then does something.
     *
     * @param after mark of another stream, or of this one; reached for none
     */
    private record Work(Mark after, Runnable task) {}

    // The system locks no more memory.
    boolean refusesLocks;

    private final boolean early;
    private final Map<Long, Deque<Work>> streams = new HashMap<>();
    private final Map<Long, Mark> events = new HashMap<>();
    private final TreeMap<Long, ByteBuffer> memory = new TreeMap<>();
    private long last = ENGINE;
    private long nextAddress = PAGE;
    private int locked;

    FakeStreams(boolean early) {
        this.early = early;
        streams.put(ENGINE, new ArrayDeque<>());
    }

    /** Gives memory an address. */
    long place(ByteBuffer bytes) {
        long address = nextAddress;
        nextAddress += bytes.remaining() + PAGE;
        memory.put(address, bytes.slice());
        return address;
    }

    void enqueue(long stream, Runnable task) {
        enqueue(stream, reached(stream), task);
    }

    private static Mark reached(long stream) {
        Mark mark = new Mark(stream);
        mark.reached = true;
        return mark;
    }

    private void enqueue(long stream, Mark after, Runnable task) {
        streams.get(stream).addLast(new Work(after, task));
        if (early) {
            streams.keySet().forEach(this::runWhatMay);
        }
    }

    private void runWhatMay(long stream) {
        Deque<Work> works = streams.get(stream);
        while (stream != ENGINE && !works.isEmpty() && works.peekFirst().after.reached) {
            works.removeFirst().task.run();
        }
    }

    private void runUntil(Mark mark) {
        while (!mark.reached) {
            Work work = streams.get(mark.stream).peekFirst();
            runUntil(work.after);
            // The wait may have run it.
            if (streams.get(mark.stream).peekFirst() == work) {
                streams.get(mark.stream).removeFirst();
                work.task.run();
            }
        }
    }

    private Mark mark(long stream) {
        Mark mark = new Mark(stream);
        enqueue(stream, () -> mark.reached = true);
        return mark;
    }

    @Override
    public int ordinal() {
        return 0;
    }

    @Override
    public void attach() {}

    @Override
    public long newStream() {
        streams.put(++last, new ArrayDeque<>());
        return last;
    }

    @Override
    public void destroyStream(long stream) {
        if (!streams.remove(stream).isEmpty()) {
            throw new IllegalStateException("destroyed with work: stream=" + stream);
        }
    }

    @Override
    public long newEvent() {
        events.put(++last, reached(ENGINE));
        return last;
    }

    @Override
    public void destroyEvent(long event) {
        events.remove(event);
    }

    @Override
    public void record(long event, long stream) {
        events.put(event, mark(stream));
    }

    @Override
    public void await(long stream, long event) {
        enqueue(stream, events.get(event), () -> {});
    }

    @Override
    public void copy(long to, long from, long bytes, long stream) {
        enqueue(
                stream,
                () -> bytes(to, bytes).put(0, bytes(from, bytes), 0, Math.toIntExact(bytes)));
    }

    /** Bytes at an address. */
    ByteBuffer bytes(long address, long size) {
        Map.Entry<Long, ByteBuffer> found = memory.floorEntry(address);
        int at = Math.toIntExact(address - found.getKey());
        return found.getValue().slice(at, Math.toIntExact(size));
    }

    @Override
    public void synchronize(long stream) {
        runUntil(mark(stream));
    }

    @Override
    public PageLocker pageLocker() {
        return new PageLocker() {
            @Override
            public long lock(ByteBuffer bytes) {
                if (refusesLocks) {
                    throw new KvConnectorException(KvError.NATIVE_CALL_FAILED, "status=2");
                }
                locked++;
                return place(bytes);
            }

            @Override
            public void unlock(long address) {
                locked--;
                memory.remove(address);
            }
        };
    }

    /** True if all that was made or locked was given back. */
    boolean clean() {
        return streams.size() == 1 && events.isEmpty() && locked == 0;
    }

    @Override
    public void close() {}
}
