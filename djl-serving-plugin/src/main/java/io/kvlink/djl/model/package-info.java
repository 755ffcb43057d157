// SPDX-License-Identifier: Apache-2.0
/** A Llama-family decoder on DJL's PyTorch NDArrays, its KV memory, tokenizer and sampler. */
@NullMarked
package io.kvlink.djl.model;

import org.jspecify.annotations.NullMarked;
