// SPDX-License-Identifier: Apache-2.0
/**
 * The contract between an inference engine and a KV connector.
 *
 * <p>An engine asks {@link io.kvlink.spi.KvConnectors} for a provider by name and creates one
 * {@link io.kvlink.spi.KvConnector} per model instance. The connector has two halves, as the field
 * has it:
 *
 * <ul>
 *   <li>{@link io.kvlink.spi.KvScheduler}, called by the engine's scheduler, decides and never
 *       blocks;
 *   <li>{@link io.kvlink.spi.KvWorker}, called where the layers are computed, moves bytes.
 * </ul>
 *
 * <p>One step of an engine calls, in this order: {@code matchedTokens}, {@code onBlocksAllocated},
 * {@code buildStep}, {@code startLoad}, then for each layer {@code awaitLayer}, the layer's compute
 * and {@code saveLayer}, then {@code awaitSaves}, {@code pollFinished}, {@code onStepDone}.
 *
 * <p>A producer may attach a few bytes to a prompt's KV, such as the first token of its answer:
 * {@link io.kvlink.spi.KvScheduler#attach}. Then the KV of all tokens changes hands, and the
 * consumer has nothing to compute of the prompt.
 *
 * <p>Nothing here depends on a library. Sizes are bytes, times are nanoseconds of {@link
 * System#nanoTime()}, and a deadline is a point on that clock.
 */
@NullMarked
package io.kvlink.spi;

import org.jspecify.annotations.NullMarked;
