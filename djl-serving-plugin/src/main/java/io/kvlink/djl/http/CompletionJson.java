// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import io.kvlink.djl.http.TokenPiece.Likely;
import io.kvlink.djl.http.TokenPiece.Logprobs;
import io.kvlink.djl.worker.GenerationResult;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writes {@code text_completion} objects. */
record CompletionJson(Head head) implements AnswerJson {

    private static final String KIND = "text_completion";

    @Override
    public JsonObject response(Answer answer) {
        JsonArray choices = new JsonArray();
        for (Answer.Choice choice : answer.choices()) {
            choices.add(
                    choice(
                            choices.size(),
                            choice.text.toString(),
                            logprobs(choice.logprobs, 0),
                            choice.result));
        }
        return head.withUsage(KIND, choices, answer);
    }

    @Override
    public Optional<JsonObject> opening(int index, String echo) {
        return echo.isEmpty()
                ? Optional.empty()
                : Optional.of(head.chunk(KIND, choice(index, echo, JsonNull.INSTANCE, null)));
    }

    @Override
    public JsonObject chunk(int index, TokenPiece piece, Answer.Choice choice) {
        List<Logprobs> one = piece.logprobs() == null ? List.of() : List.of(piece.logprobs());
        JsonElement logprobs = logprobs(one, choice.tokenChars);
        one.forEach(token -> choice.tokenChars += token.token().text().length());
        return head.chunk(KIND, choice(index, piece.text(), logprobs, null));
    }

    @Override
    public JsonObject last(int index, GenerationResult result) {
        return head.chunk(KIND, choice(index, "", JsonNull.INSTANCE, result));
    }

    @Override
    public JsonObject usageChunk(Answer answer) {
        return head.withUsage(KIND, new JsonArray(0), answer);
    }

    private static JsonObject choice(
            int index, String text, JsonElement logprobs, @Nullable GenerationResult result) {
        JsonObject choice = new JsonObject();
        choice.addProperty("index", index);
        choice.addProperty("text", text);
        choice.add("logprobs", logprobs);
        choice.addProperty("finish_reason", AnswerJson.finishReason(result));
        return choice;
    }

    /** Four lists with an entry a token; null if there are no tokens. */
    private static JsonElement logprobs(List<Logprobs> tokens, int firstOffset) {
        if (tokens.isEmpty()) {
            return JsonNull.INSTANCE;
        }
        JsonArray offsets = new JsonArray();
        JsonArray logprobs = new JsonArray();
        JsonArray texts = new JsonArray();
        JsonArray tops = new JsonArray();
        int offset = firstOffset;
        for (Logprobs token : tokens) {
            offsets.add(offset);
            offset += token.token().text().length();
            logprobs.add(Math.max(LEAST_LOGPROB, token.token().logprob()));
            texts.add(token.token().text());
            tops.add(top(token));
        }
        JsonObject object = new JsonObject();
        object.add("text_offset", offsets);
        object.add("token_logprobs", logprobs);
        object.add("tokens", texts);
        object.add("top_logprobs", tops);
        return object;
    }

    /** By text; the picked token is always there. Of two tokens with one text the likelier one. */
    private static JsonObject top(Logprobs token) {
        JsonObject top = new JsonObject();
        for (Likely other : token.top()) {
            if (!top.has(other.text())) {
                top.addProperty(other.text(), Math.max(LEAST_LOGPROB, other.logprob()));
            }
        }
        Likely picked = token.token();
        if (!top.has(picked.text())) {
            top.addProperty(picked.text(), Math.max(LEAST_LOGPROB, picked.logprob()));
        }
        return top;
    }
}
