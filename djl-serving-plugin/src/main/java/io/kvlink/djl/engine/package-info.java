// SPDX-License-Identifier: Apache-2.0
/**
 * The engine's port: what a worker sees of the computation. A worker knows tokens, positions and KV
 * memory; layers, weights and devices are behind {@link io.kvlink.djl.engine.Decoder}. {@link
 * io.kvlink.djl.engine.DecoderFactory} opens it.
 */
@NullMarked
package io.kvlink.djl.engine;

import org.jspecify.annotations.NullMarked;
