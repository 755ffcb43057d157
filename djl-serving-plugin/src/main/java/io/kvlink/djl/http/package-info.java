// SPDX-License-Identifier: Apache-2.0
/**
 * The OpenAI-compatible HTTP surface: Netty's event loop on one side, {@link
 * io.kvlink.djl.generation.TextGenerator} on the other. Nothing here blocks an event loop, and all
 * of a request's state is touched by the event loop of its channel only. Bodies are read in {@code
 * parse}, answers written in {@code answer}; neither knows this package.
 */
@NullMarked
package io.kvlink.djl.http;

import org.jspecify.annotations.NullMarked;
