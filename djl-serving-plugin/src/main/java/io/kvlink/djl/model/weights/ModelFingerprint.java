// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.weights;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Tells models apart, so that no instance reads another model's KV. It is SHA-256 over the name,
 * the size and the bytes of {@code config.json} and of each file of weights. Of a file above
 * {@value #WHOLE_BYTES} bytes only {@value #SAMPLES} evenly spaced pieces of {@value #SAMPLE_BYTES}
 * bytes count. The first, which has the header, and the last are among them. That takes a few
 * milliseconds instead of the time to read it all. Retraining changes every piece.
 */
public final class ModelFingerprint {

    static final long WHOLE_BYTES = 256L << 20;
    static final int SAMPLES = 64;
    static final int SAMPLE_BYTES = 1 << 20;

    private final MessageDigest digest;
    private final ByteBuffer piece = ByteBuffer.allocate(SAMPLE_BYTES);
    private final long wholeBytes;

    private ModelFingerprint(MessageDigest digest, long wholeBytes) {
        this.digest = digest;
        this.wholeBytes = wholeBytes;
    }

    /** The fingerprint of a directory's model, such as {@code sha256:0f…}. */
    public static String of(Path modelDir) {
        return of(modelDir, WHOLE_BYTES);
    }

    static String of(Path modelDir, long wholeBytes) {
        try {
            ModelFingerprint fingerprint =
                    new ModelFingerprint(MessageDigest.getInstance("SHA-256"), wholeBytes);
            fingerprint.add(modelDir.resolve("config.json"));
            for (Path file : Checkpoint.files(modelDir)) {
                fingerprint.add(file);
            }
            return "sha256:" + HexFormat.of().formatHex(fingerprint.digest.digest());
        } catch (IOException cause) {
            throw new UncheckedIOException("modelDir=" + modelDir, cause);
        } catch (NoSuchAlgorithmException cause) {
            throw new KvConnectorException(
                    KvError.INTERNAL, "SHA-256 is missing from this Java runtime", cause);
        }
    }

    private void add(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            long size = channel.size();
            digest.update(
                    (file.getFileName() + ":" + size + "\n").getBytes(StandardCharsets.UTF_8));
            if (size <= wholeBytes) {
                for (long at = 0; at < size; at += SAMPLE_BYTES) {
                    addPiece(channel, at);
                }
            } else {
                for (int sample = 0; sample < SAMPLES; sample++) {
                    long last = Math.max(0, size - SAMPLE_BYTES);
                    addPiece(
                            channel,
                            last / (SAMPLES - 1) * sample
                                    + last % (SAMPLES - 1) * sample / (SAMPLES - 1));
                }
            }
        }
    }

    private void addPiece(FileChannel channel, long offset) throws IOException {
        piece.clear();
        while (piece.hasRemaining() && channel.read(piece, offset + piece.position()) >= 0) {
            // Reads on until the piece is full or the file ends.
        }
        digest.update(piece.flip());
    }
}
