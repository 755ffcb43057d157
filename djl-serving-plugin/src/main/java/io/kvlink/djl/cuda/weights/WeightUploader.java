// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.cuda.blas.ElementType;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.model.weights.Checkpoint;
import io.kvlink.djl.model.weights.TensorBytes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies tensors of a checkpoint into device memory, many pieces at a time: threads read the files
 * into page-locked buffers while earlier buffers travel. One thread, attached to the device;
 * whoever opened it closes it. An upload that failed can only be closed.
 */
public final class WeightUploader implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(WeightUploader.class);
    private static final float MAX_HALF = 65504;
    private static final int BUFFERS = 8;
    private static final int BUFFER_BYTES = 16 << 20;
    private static final int MOST_READERS = 4;

    /**
     * Size of the pipeline.
     *
     * @param readers threads that read
     * @param buffers in turn, at least 1
     * @param bufferBytes a multiple of the widest element
     */
    record Pipeline(int readers, int buffers, int bufferBytes) {}

    private final Target target;
    private final Checkpoint checkpoint;
    private final int pieceBytes;
    private final LoadProgress progress;
    private final PieceReaders readers;
    private final PieceRing ring;
    private final List<String> tensors = new ArrayList<>();
    private boolean closed;

    /** Takes the target, unless it throws. */
    WeightUploader(Target target, Checkpoint checkpoint, Pipeline pipeline, LoadProgress progress) {
        this.target = target;
        this.checkpoint = checkpoint;
        this.progress = progress;
        pieceBytes = pipeline.bufferBytes();
        readers = new PieceReaders(pipeline.readers());
        try {
            ring =
                    new PieceRing(
                            target, readers, pipeline.buffers(), pieceBytes, progress::onBytes);
        } catch (RuntimeException refused) {
            readers.close();
            throw refused;
        }
    }

    /**
     * Opens an upload; it takes 128 MiB of page-locked memory and 16 MiB of the device's.
     *
     * @param device attached to the calling thread; borrowed, as is {@code checkpoint}
     * @param model its name in the log
     * @throws io.kvlink.cuda.CudaException if the device hasn't got what it takes
     */
    public static WeightUploader open(Gpu device, Checkpoint checkpoint, String model) {
        int cores = Runtime.getRuntime().availableProcessors();
        Pipeline pipeline = new Pipeline(Math.min(MOST_READERS, cores), BUFFERS, BUFFER_BYTES);
        LoadProgress progress =
                new LoadProgress(model, checkpoint.totalBytes(), System::nanoTime, log::info);
        Target target = new DeviceTarget(device, BUFFERS, BUFFER_BYTES);
        try {
            return new WeightUploader(target, checkpoint, pipeline, progress);
        } catch (RuntimeException refused) {
            target.close();
            throw refused;
        }
    }

    /**
     * Begins to upload a tensor. Its bytes are on the device after {@link #finish}.
     *
     * @param as type of the elements on the device; they are rounded to the nearest even if they
     *     have another type in the file
     * @param deviceAddress memory of the caller, large enough, and aligned to the element
     * @param shape that the tensor must have
     * @return bytes that the tensor takes on the device
     * @throws ModelLoadException if the checkpoint lacks it, or if one of the files can't be read
     */
    public long upload(String tensor, ElementType as, long deviceAddress, long... shape) {
        TensorBytes bytes = checkpoint.bytes(tensor, shape);
        ElementType from = ElementType.valueOf(bytes.type().name());
        Target.Conversion conversion =
                from == as ? null : new Target.Conversion(from, as, tensors.size());
        tensors.add("tensor=%s shape=%s".formatted(tensor, Arrays.toString(shape)));
        for (long at = 0; at < bytes.size(); at += pieceBytes) {
            int size = (int) Math.min(pieceBytes, bytes.size() - at);
            long to = deviceAddress + at / from.bytes() * as.bytes();
            ring.add(new PieceRing.Piece(bytes, at, size, to, conversion));
        }
        return bytes.size() / from.bytes() * as.bytes();
    }

    /**
     * Waits until all that was begun is on the device.
     *
     * @throws ModelLoadException if a file can't be read, or if float16 doesn't hold a value
     */
    public void finish() {
        ring.sendAll();
        Target.Overflow overflow = target.overflow();
        if (overflow != null) {
            throw new ModelLoadException(
                    "%s holds %s, float16 at most %s; option.dtype=float32 or bfloat16 holds it"
                            .formatted(tensors.get(overflow.tensor()), overflow.size(), MAX_HALF));
        }
        progress.onEnd();
    }

    /** Ends the threads and gives buffers and streams back; closing again does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        // In this order: no thread writes a buffer and no copy reads one when they are given back.
        try (target) {
            readers.close();
            try {
                target.drain();
            } finally {
                ring.close();
            }
        }
    }
}
