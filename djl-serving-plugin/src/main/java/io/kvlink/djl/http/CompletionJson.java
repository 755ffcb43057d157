// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import io.kvlink.djl.worker.GenerationResult;
import io.kvlink.spi.TransferOutcome;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Writes OpenAI's {@code text_completion} objects for one request.
 *
 * @param id of the answer
 * @param createdSeconds when the request came, in seconds since 1970
 * @param model the model's name
 */
record CompletionJson(String id, long createdSeconds, String model) {

    /** The whole answer; all prompts must have finished. */
    JsonObject response(Answer answer) {
        JsonArray choices = new JsonArray();
        for (Answer.Choice choice : answer.choices()) {
            choices.add(choice(choices.size(), choice.text.toString(), choice.result));
        }
        JsonObject body = envelope(choices);
        body.add("usage", usage(answer.results()));
        return body;
    }

    /** A piece of a stream. */
    JsonObject chunk(int index, String text, @Nullable GenerationResult result) {
        JsonArray choices = new JsonArray(1);
        choices.add(choice(index, text, result));
        return envelope(choices);
    }

    /** The piece after the last, with figures only. */
    JsonObject usageChunk(Answer answer) {
        JsonObject body = envelope(new JsonArray(0));
        body.add("usage", usage(answer.results()));
        return body;
    }

    /** Where the work was done: sums over the prompts, times of the slowest. */
    static JsonObject stats(List<GenerationResult> results) {
        String plane = "";
        String failure = "";
        long bytes = 0;
        long transferNanos = 0;
        for (GenerationResult result : results) {
            if (result.transfer().isPresent()) {
                TransferOutcome transfer = result.transfer().get();
                plane = plane.isEmpty() ? transfer.plane() : plane;
                failure = transfer.failure().map(Enum::name).orElse(failure);
                bytes += transfer.bytes();
                transferNanos = Math.max(transferNanos, transfer.nanos());
            }
        }
        JsonObject stats = new JsonObject();
        stats.addProperty(
                "computed_prompt_tokens",
                results.stream().mapToLong(GenerationResult::computedPromptTokens).sum());
        stats.addProperty(
                "loaded_prompt_tokens",
                results.stream().mapToLong(GenerationResult::loadedPromptTokens).sum());
        stats.addProperty("plane", plane.isEmpty() ? null : plane);
        stats.addProperty("kv_bytes", bytes);
        stats.addProperty("transfer_ms", millis(transferNanos));
        stats.addProperty("transfer_error", failure.isEmpty() ? null : failure);
        stats.addProperty(
                "ttft_ms",
                millis(results.stream().mapToLong(GenerationResult::ttftNanos).max().orElse(0)));
        stats.addProperty(
                "total_ms",
                millis(results.stream().mapToLong(GenerationResult::totalNanos).max().orElse(0)));
        return stats;
    }

    private static double millis(long nanos) {
        return Math.round(nanos / 1e3) / 1e3;
    }

    private JsonObject envelope(JsonArray choices) {
        JsonObject body = new JsonObject();
        body.addProperty("id", id);
        body.addProperty("object", "text_completion");
        body.addProperty("created", createdSeconds);
        body.addProperty("model", model);
        body.add("choices", choices);
        return body;
    }

    private static JsonObject choice(int index, String text, @Nullable GenerationResult result) {
        JsonObject choice = new JsonObject();
        choice.addProperty("index", index);
        choice.addProperty("text", text);
        choice.add("logprobs", JsonNull.INSTANCE);
        choice.addProperty(
                "finish_reason",
                result == null ? null : result.finishReason().name().toLowerCase(Locale.ROOT));
        return choice;
    }

    private static JsonElement usage(List<GenerationResult> results) {
        long prompt = results.stream().mapToLong(GenerationResult::promptTokens).sum();
        long completion = results.stream().mapToLong(GenerationResult::completionTokens).sum();
        JsonObject usage = new JsonObject();
        usage.addProperty("prompt_tokens", prompt);
        usage.addProperty("completion_tokens", completion);
        usage.addProperty("total_tokens", prompt + completion);
        return usage;
    }
}
