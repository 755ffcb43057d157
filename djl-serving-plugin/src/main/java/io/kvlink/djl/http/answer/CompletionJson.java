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

/** Writes {@code text_completion} objects. */
record CompletionJson(Head head) implements AnswerJson {

    private static final String KIND = "text_completion";

    @Override
    public JsonObject response(AnswerChoices answer) {
        JsonArray choices = new JsonArray();
        for (AnswerChoices.Choice choice : answer.choices()) {
            choices.add(
                    choice(
                            choices.size(),
                            choice.text.toString(),
                            logprobs(choice.logprobs),
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
    public JsonObject chunk(int index, TokenPiece piece) {
        List<Logprobs> one = piece.logprobs() == null ? List.of() : List.of(piece.logprobs());
        return head.chunk(KIND, choice(index, piece.text(), logprobs(one), null));
    }

    @Override
    public JsonObject last(int index, GenerationResult result) {
        return head.chunk(KIND, choice(index, "", JsonNull.INSTANCE, result));
    }

    @Override
    public JsonObject usageChunk(AnswerChoices answer) {
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
    private static JsonElement logprobs(List<Logprobs> tokens) {
        if (tokens.isEmpty()) {
            return JsonNull.INSTANCE;
        }
        JsonArray offsets = new JsonArray();
        JsonArray logprobs = new JsonArray();
        JsonArray texts = new JsonArray();
        JsonArray tops = new JsonArray();
        for (Logprobs token : tokens) {
            offsets.add(token.offset());
            logprobs.add(Math.max(LEAST_LOGPROB, token.token().logprob()));
            texts.add(token.token().token().name());
            tops.add(top(token));
        }
        JsonObject object = new JsonObject();
        object.add("text_offset", offsets);
        object.add("token_logprobs", logprobs);
        object.add("tokens", texts);
        object.add("top_logprobs", tops);
        return object;
    }

    /**
     * Log-probabilities by name; the picked token is always there. Of others with one name the
     * likelier one is.
     */
    private static JsonObject top(Logprobs token) {
        JsonObject top = new JsonObject();
        float pickedLogprob = token.token().logprob();
        String picked = token.token().token().name();
        for (Likely other : token.top()) {
            String name = other.token().name();
            if (!top.has(name)) {
                float logprob = name.equals(picked) ? pickedLogprob : other.logprob();
                top.addProperty(name, Math.max(LEAST_LOGPROB, logprob));
            }
        }
        top.addProperty(picked, Math.max(LEAST_LOGPROB, pickedLogprob));
        return top;
    }
}
