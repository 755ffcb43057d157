// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.answer;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.http.answer.TokenPiece.Likely;
import io.kvlink.djl.http.answer.TokenPiece.Logprobs;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writes {@code chat.completion} and {@code chat.completion.chunk} objects. */
record ChatJson(Head head) implements AnswerJson {

    private static final String KIND = "chat.completion";
    private static final String CHUNK_KIND = "chat.completion.chunk";

    @Override
    public JsonObject response(AnswerChoices answer) {
        JsonArray choices = new JsonArray();
        for (AnswerChoices.Choice choice : answer.choices()) {
            JsonObject message = message(choice.text.toString());
            message.add("refusal", JsonNull.INSTANCE);
            choices.add(
                    choice(
                            choices.size(),
                            "message",
                            message,
                            logprobs(choice.logprobs),
                            choice.result));
        }
        return head.withUsage(KIND, choices, answer);
    }

    @Override
    public Optional<JsonObject> opening(int index, String echo) {
        return Optional.of(chunk(index, message(echo), JsonNull.INSTANCE, null));
    }

    @Override
    public JsonObject chunk(int index, TokenPiece piece) {
        JsonObject delta = new JsonObject();
        delta.addProperty("content", piece.text());
        List<Logprobs> one = piece.logprobs() == null ? List.of() : List.of(piece.logprobs());
        return chunk(index, delta, logprobs(one), null);
    }

    @Override
    public JsonObject last(int index, GenerationResult result) {
        return chunk(index, new JsonObject(), JsonNull.INSTANCE, result);
    }

    @Override
    public JsonObject usageChunk(AnswerChoices answer) {
        return head.withUsage(CHUNK_KIND, new JsonArray(0), answer);
    }

    private JsonObject chunk(
            int index, JsonObject delta, JsonElement logprobs, @Nullable GenerationResult result) {
        return head.chunk(CHUNK_KIND, choice(index, "delta", delta, logprobs, result));
    }

    private static JsonObject message(String content) {
        JsonObject message = new JsonObject();
        message.addProperty("role", "assistant");
        message.addProperty("content", content);
        return message;
    }

    private static JsonObject choice(
            int index,
            String what,
            JsonObject content,
            JsonElement logprobs,
            @Nullable GenerationResult result) {
        JsonObject choice = new JsonObject();
        choice.addProperty("index", index);
        choice.add(what, content);
        choice.add("logprobs", logprobs);
        choice.addProperty("finish_reason", AnswerJson.finishReason(result));
        return choice;
    }

    private static JsonElement logprobs(List<Logprobs> tokens) {
        if (tokens.isEmpty()) {
            return JsonNull.INSTANCE;
        }
        JsonArray content = new JsonArray();
        for (Logprobs token : tokens) {
            JsonObject entry = likely(token.token());
            JsonArray top = new JsonArray();
            token.top().forEach(other -> top.add(likely(other)));
            entry.add("top_logprobs", top);
            content.add(entry);
        }
        JsonObject object = new JsonObject();
        object.add("content", content);
        object.add("refusal", JsonNull.INSTANCE);
        return object;
    }

    private static JsonObject likely(Likely token) {
        JsonArray bytes = new JsonArray();
        for (byte b : token.token().bytes()) {
            bytes.add(b & 0xff);
        }
        JsonObject object = new JsonObject();
        object.addProperty("token", token.token().text());
        object.addProperty("logprob", Math.max(LEAST_LOGPROB, token.logprob()));
        object.add("bytes", bytes);
        return object;
    }
}
