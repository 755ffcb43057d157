// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.tensor.PackedLinear;
import io.kvlink.spi.Availability;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Choice of the matrices that get second copies, for products of several rows. They take as much
 * memory again, so only models whose matrices are small enough get them.
 *
 * @param wanted by this model
 */
record Packing(boolean wanted) {

    private static final Logger log = LoggerFactory.getLogger(Packing.class);

    /** Numbers of all matrices up to which they are packed: 1 GiB of float32. */
    private static final long MOST_NUMBERS = 1L << 28;

    /** Numbers of a matrix from which packing it is worth the code that is made for each count. */
    private static final long LEAST_NUMBERS = 1L << 16;

    /** Asks libtorch, which must have been started. */
    static Packing of(ModelConfig config, Device device) {
        if (config.computeType() != ComputeType.FLOAT32
                || device.isGpu()
                || numbers(config) > MOST_NUMBERS) {
            return new Packing(false);
        }
        Availability availability = PackedLinear.availability();
        if (!availability.ready()) {
            log.info("matrices aren't packed: {}", availability.reason());
        }
        return new Packing(availability.ready());
    }

    private static long numbers(ModelConfig config) {
        long hidden = config.hiddenSize();
        long queries = (long) config.heads() * config.headDim();
        long keys = (long) config.kvHeads() * config.headDim();
        long layer = hidden * (2 * queries + 2 * keys + 3L * config.intermediateSize());
        // A head that is the embedding isn't packed.
        long head = config.tiedEmbeddings() ? 0 : hidden * config.vocabSize();
        return config.layers() * layer + head;
    }

    boolean wants(NDArray matrix) {
        return wanted && matrix.size() >= LEAST_NUMBERS;
    }
}
