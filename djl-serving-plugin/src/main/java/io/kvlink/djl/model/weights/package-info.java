// SPDX-License-Identifier: Apache-2.0
/**
 * Checkpoints on disk: safetensors files, alone or as shards, and how their tensors lie in them.
 */
@NullMarked
package io.kvlink.djl.model.weights;

import org.jspecify.annotations.NullMarked;
