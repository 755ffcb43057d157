// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import io.kvlink.djl.model.weights.TensorBytes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Buffers that pieces of tensors travel in, used in turn. Readers fill them, and the target copies
 * from them in the order of the pieces. A buffer is free again when its copy is done. One thread.
 *
 * <pre>
 *   ... copied | enqueued at the target | being read | free ...
 *              ^ waited for by reuse    ^ sent       ^ begun
 * </pre>
 */
final class PieceRing implements AutoCloseable {

    /**
     * Part of a tensor.
     *
     * @param from first byte in the tensor
     * @param to address of its first element on the device
     * @param conversion null if the type stays
     */
    record Piece(
            TensorBytes tensor,
            long from,
            int bytes,
            long to,
            Target.@Nullable Conversion conversion) {}

    private record Reading(Piece piece, Future<?> read) {}

    private final Target target;
    private final PieceReaders readers;
    private final LongConsumer onSent;
    private final List<Target.HostBuffer> buffers = new ArrayList<>();
    private final List<@Nullable Reading> readings = new ArrayList<>();
    // Counts of pieces; a piece's buffer is its number modulo the number of buffers.
    private long begun;
    private long sent;

    /**
     * Takes its buffers.
     *
     * @param target borrowed, as is {@code readers}; both are closed after this
     * @param onSent told of each piece's bytes when its copy is enqueued
     */
    PieceRing(Target target, PieceReaders readers, int count, int bytes, LongConsumer onSent) {
        this.target = target;
        this.readers = readers;
        this.onSent = onSent;
        try {
            for (int i = 0; i < count; i++) {
                buffers.add(target.newHostBuffer(bytes));
                readings.add(null);
            }
        } catch (RuntimeException refused) {
            close();
            throw refused;
        }
    }

    /**
     * Lets a piece be read and sent; waits for a buffer, and sends pieces that were read meanwhile.
     */
    void add(Piece piece) {
        sendWhatIsRead();
        if (begun - sent == buffers.size()) {
            send();
        }
        int index = index(begun);
        if (begun >= buffers.size()) {
            target.await(index);
        }
        Target.HostBuffer buffer = buffers.get(index);
        Future<?> read =
                readers.submit(
                        () ->
                                piece.tensor()
                                        .read(piece.from(), buffer.bytes().limit(piece.bytes())));
        readings.set(index, new Reading(piece, read));
        begun++;
    }

    /** Waits until all pieces are read, and enqueues their copies. */
    void sendAll() {
        while (sent < begun) {
            send();
        }
    }

    /** Gives the buffers back; neither a reader nor a copy may use them any more. */
    @Override
    public void close() {
        buffers.forEach(Target.HostBuffer::close);
        buffers.clear();
    }

    private void sendWhatIsRead() {
        while (sent < begun && reading(index(sent)).read().isDone()) {
            send();
        }
    }

    private void send() {
        int index = index(sent);
        Reading reading = reading(index);
        PieceReaders.await(reading.read());
        Piece piece = reading.piece();
        Target.HostBuffer buffer = buffers.get(index);
        if (piece.conversion() == null) {
            target.copyIn(piece.to(), buffer, piece.bytes());
        } else {
            target.convertIn(piece.to(), buffer, piece.bytes(), piece.conversion());
        }
        target.mark(index);
        sent++;
        onSent.accept(piece.bytes());
    }

    private Reading reading(int index) {
        Reading reading = readings.get(index);
        if (reading == null) {
            throw new IllegalStateException("no piece in buffer=" + index);
        }
        return reading;
    }

    private int index(long number) {
        return (int) (number % buffers.size());
    }
}
