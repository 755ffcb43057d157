// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.worker.GenerationRequest;
import io.kvlink.djl.worker.TextGenerator;
import java.util.List;

/**
 * A completion request that only has to be submitted.
 *
 * @param generator the model asked
 * @param requests one for each prompt, in their order
 * @param stream true to send tokens as they come
 * @param includeUsage true to end a stream with a chunk of figures
 */
record PreparedCompletion(
        TextGenerator generator,
        List<GenerationRequest> requests,
        boolean stream,
        boolean includeUsage) {}
