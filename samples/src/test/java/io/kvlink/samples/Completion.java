// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.sampling.SampledToken;
import java.util.List;

/**
 * An answer, token by token.
 *
 * @param sampled the tokens as they were picked
 */
record Completion(
        List<Integer> tokens, List<SampledToken> sampled, String text, GenerationResult result) {}
