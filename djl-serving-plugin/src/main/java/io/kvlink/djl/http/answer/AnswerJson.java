// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.answer;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationResult;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writes one request's answers as OpenAI does. */
public sealed interface AnswerJson permits CompletionJson, ChatJson {

    /** Most negative number there is; JSON has no infinity. */
    float LEAST_LOGPROB = -9999;

    /**
     * Fields that all objects of an answer have.
     *
     * @param id of the answer
     * @param createdSeconds when the request came, in seconds since 1970
     * @param model the model's name
     * @param usageToCome true if a stream's last chunk will have figures: the others then have a
     *     null in their place
     */
    record Head(String id, long createdSeconds, String model, boolean usageToCome) {

        JsonObject object(String kind, JsonArray choices) {
            JsonObject body = new JsonObject();
            body.addProperty("id", id);
            body.addProperty("object", kind);
            body.addProperty("created", createdSeconds);
            body.addProperty("model", model);
            body.add("choices", choices);
            return body;
        }

        JsonObject chunk(String kind, JsonObject choice) {
            JsonArray choices = new JsonArray(1);
            choices.add(choice);
            JsonObject chunk = object(kind, choices);
            if (usageToCome) {
                chunk.add("usage", JsonNull.INSTANCE);
            }
            return chunk;
        }

        JsonObject withUsage(String kind, JsonArray choices, AnswerChoices answer) {
            JsonObject usage = new JsonObject();
            usage.addProperty("prompt_tokens", answer.promptTokens());
            usage.addProperty("completion_tokens", answer.completionTokens());
            usage.addProperty("total_tokens", answer.promptTokens() + answer.completionTokens());
            JsonObject body = object(kind, choices);
            body.add("usage", usage);
            return body;
        }
    }

    /** The whole answer; all of it must have finished. */
    JsonObject response(AnswerChoices answer);

    /** Opening of an answer of a stream, before its first token; empty if there is none. */
    Optional<JsonObject> opening(int index, String echo);

    /** A token of a stream. */
    JsonObject chunk(int index, TokenPiece piece);

    /** The end of an answer of a stream. */
    JsonObject last(int index, GenerationResult result);

    /** The piece after the last, with figures only. */
    JsonObject usageChunk(AnswerChoices answer);

    /** Writer of {@code text_completion} objects. */
    static AnswerJson completion(Head head) {
        return new CompletionJson(head);
    }

    /** Writer of {@code chat.completion} and {@code chat.completion.chunk} objects. */
    static AnswerJson chat(Head head) {
        return new ChatJson(head);
    }

    /** OpenAI's word for the end of an answer; null while there is none. */
    static @Nullable String finishReason(@Nullable GenerationResult result) {
        return result == null ? null : result.finishReason().name().toLowerCase(Locale.ROOT);
    }
}
