// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import io.kvlink.djl.worker.GenerationResult;
import java.util.List;

/** An answer, token by token. */
record Completion(List<Integer> tokens, String text, GenerationResult result) {}
