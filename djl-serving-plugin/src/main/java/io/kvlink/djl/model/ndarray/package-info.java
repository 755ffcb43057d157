// SPDX-License-Identifier: Apache-2.0
/** A decoder of Llama's family on DJL's PyTorch NDArrays, with its KV memory. */
@NullMarked
package io.kvlink.djl.model.ndarray;

import org.jspecify.annotations.NullMarked;
