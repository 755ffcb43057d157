// SPDX-License-Identifier: Apache-2.0
/**
 * KV memory on the device: free blocks, the block tables that kernels read, and the slots of
 * sequences. Called on the worker's thread; depends on {@code engine}, {@code model.config} and the
 * driver.
 */
@NullMarked
package io.kvlink.djl.cuda.kv;

import org.jspecify.annotations.NullMarked;
