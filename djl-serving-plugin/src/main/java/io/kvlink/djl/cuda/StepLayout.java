// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

/**
 * Places of the parts of a step's input, in bytes from its beginning. They are equal on the host
 * and on the device, and equal to the structs of {@code decoder.cuh}, {@code flash.cu} and {@code
 * sample.cu}.
 *
 * <pre>
 *  counts | rows | parts, for each window | chunks | tiles | picked rows | sampling
 * </pre>
 *
 * @param maxRows most tokens of a step
 * @param maxParts most parts of the attention of all rows, for each window
 * @param windows different windows of the layers
 * @param maxChunks most prompts
 * @param maxTiles most tiles of prompts
 * @param maxPicks most tokens that are picked
 */
record StepLayout(
        int maxRows, int maxParts, int windows, int maxChunks, int maxTiles, int maxPicks) {
    static final int ROW_BYTES = 16;
    static final int PART_BYTES = 32;
    static final int CHUNK_BYTES = 16;
    static final int TILE_BYTES = 8;
    static final int SAMPLING_BYTES = 96;

    private static final int COUNTS_BYTES = 64;

    /** Number of parts, one for each window. */
    int partCount(int window) {
        return window * Integer.BYTES;
    }

    int rows() {
        return COUNTS_BYTES;
    }

    int parts(int window) {
        return rows() + maxRows * ROW_BYTES + window * maxParts * PART_BYTES;
    }

    int chunks() {
        return parts(windows);
    }

    int tiles() {
        return chunks() + maxChunks * CHUNK_BYTES;
    }

    int pickedRows() {
        return tiles() + aligned(maxTiles * TILE_BYTES);
    }

    int sampling() {
        return pickedRows() + aligned(maxPicks * Integer.BYTES);
    }

    int bytes() {
        return sampling() + maxPicks * SAMPLING_BYTES;
    }

    private static int aligned(int bytes) {
        return (bytes + 15) / 16 * 16;
    }
}
