// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.Gpu;
import java.util.List;
import java.util.OptionalInt;

/**
 * Settings of a decoder on a device.
 *
 * @param ordinal of the device in this process
 * @param exact whether a row's bits may not depend on other rows
 * @param maxBatch most rows of a step of decodes
 * @param maxPrefill most tokens of a step of prompts
 * @param maxRunning most answers at a time
 * @param kvCacheTokens tokens of KV memory; empty for what {@code memoryUtilization} leaves
 * @param memoryUtilization the share of the device's memory that the instance takes
 * @param loader fills the weights
 */
record CudaSettings(
        int ordinal,
        boolean exact,
        int maxBatch,
        int maxPrefill,
        int maxRunning,
        OptionalInt kvCacheTokens,
        double memoryUtilization,
        Loader loader) {

    /** Source of a model's weights. */
    interface Loader {
        /**
         * Fills device memory, and returns when all is there.
         *
         * @param tensors with their offsets
         * @param block address that the offsets count from
         */
        void load(Gpu device, long stream, List<CudaWeights.Tensor> tensors, long block);
    }
}
