// SPDX-License-Identifier: Apache-2.0
/**
 * The worker: one scheduler thread that admits prompts, computes prefills and decodes, loads and
 * saves KV through a connector, samples, and streams.
 */
@NullMarked
package io.kvlink.djl.worker;

import org.jspecify.annotations.NullMarked;
