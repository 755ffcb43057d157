// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.http.answer.AnswerChoices;
import io.kvlink.djl.http.answer.AnswerJson;
import io.kvlink.djl.http.answer.ClientText;
import io.kvlink.djl.http.parse.Endpoint;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A request that only has to be submitted.
 *
 * @param endpoint whose answer it gets
 * @param generator the model asked
 * @param requests one for each answer: those to the first prompt, then those to the second, …
 * @param choicesPerPrompt how many answers each prompt gets
 * @param echoes what the answers to each prompt begin with; empty for nothing
 * @param stream true to send tokens as they come
 * @param includeUsage true to end a stream with a chunk of figures
 */
record PreparedCompletion(
        Endpoint endpoint,
        TextGenerator generator,
        List<GenerationRequest> requests,
        int choicesPerPrompt,
        List<String> echoes,
        boolean stream,
        boolean includeUsage) {

    /** Answers to it, none of which has begun. */
    AnswerChoices answer() {
        return new AnswerChoices(
                IntStream.range(0, requests.size()).mapToObj(this::echo).toList(),
                choicesPerPrompt);
    }

    private String echo(int index) {
        return echoes.isEmpty() ? "" : echoes.get(index / choicesPerPrompt);
    }

    /** Writer of its answers. */
    AnswerJson json(String requestId, long createdSeconds) {
        AnswerJson.Head head =
                new AnswerJson.Head(
                        endpoint.idPrefix() + ClientText.id(requestId),
                        createdSeconds,
                        generator.modelName(),
                        stream && includeUsage);
        return switch (endpoint) {
            case COMPLETIONS -> AnswerJson.completion(head);
            case CHAT -> AnswerJson.chat(head);
        };
    }
}
