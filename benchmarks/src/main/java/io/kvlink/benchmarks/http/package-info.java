// SPDX-License-Identifier: Apache-2.0
/** Clients of an OpenAI-compatible server. */
@NullMarked
package io.kvlink.benchmarks.http;

import org.jspecify.annotations.NullMarked;
