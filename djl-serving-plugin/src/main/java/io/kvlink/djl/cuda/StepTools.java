// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.cuda.kv.CudaKvMemory;
import java.util.List;

/**
 * All that steps of every kind compute with; borrowed.
 *
 * @param stream that everything is enqueued on
 * @param windows different windows of the layers, as {@link AttentionLayers#windows} has them
 */
record StepTools(
        Gpu device,
        long stream,
        Kernels kernels,
        LayerPass pass,
        Workspace space,
        CudaKvMemory memory,
        List<Integer> windows) {}
