// SPDX-License-Identifier: Apache-2.0
/**
 * The worker: one scheduler thread that admits prompts, computes prefills and decodes, loads and
 * saves KV through a connector, samples, and streams. Others start a {@code LlamaWorker} and speak
 * to it through {@code generation}; settings are in {@code config}, the connector's beginnings in
 * {@code connector}.
 */
@NullMarked
package io.kvlink.djl.worker;

import org.jspecify.annotations.NullMarked;
