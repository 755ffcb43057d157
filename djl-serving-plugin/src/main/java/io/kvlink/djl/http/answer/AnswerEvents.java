// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.answer;

import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Events of one streamed request, in the order of what is generated. Not thread-safe. */
public final class AnswerEvents {

    /** Ends a stream that is whole. */
    public static final String DONE = "[DONE]";

    private final boolean includeUsage;
    private final AnswerJson json;
    private final AnswerChoices answer;
    private final Optional<String> statsOf;

    /**
     * Events of a request that hasn't begun.
     *
     * @param includeUsage true to end with a chunk of figures
     * @param json how they are written
     * @param answer what has been generated so far, which is nothing
     * @param statsOf the request's id, if the last event says where its work was done
     */
    public AnswerEvents(
            boolean includeUsage, AnswerJson json, AnswerChoices answer, Optional<String> statsOf) {
        this.includeUsage = includeUsage;
        this.json = json;
        this.answer = answer;
        this.statsOf = statsOf;
    }

    /** A token, after what opens its answer. */
    public List<JsonObject> onPiece(int index, TokenPiece piece) {
        List<JsonObject> events = new ArrayList<>(2);
        AnswerChoices.Choice choice = answer.choice(index);
        if (!choice.begun) {
            choice.begun = true;
            json.opening(index, choice.echo).ifPresent(events::add);
        }
        events.add(json.chunk(index, piece));
        return events;
    }

    /** The end of one answer. */
    public JsonObject onChoiceFinished(int index, GenerationResult result) {
        answer.finish(index, result);
        JsonObject chunk = json.last(index, result);
        boolean last = answer.results().size() == answer.choices().size();
        if (last && !includeUsage) {
            addStats(chunk);
        }
        return chunk;
    }

    /** Events between the last answer and {@link #DONE}. */
    public List<JsonObject> onAllFinished() {
        if (!includeUsage) {
            return List.of();
        }
        JsonObject usage = json.usageChunk(answer);
        addStats(usage);
        return List.of(usage);
    }

    private void addStats(JsonObject body) {
        statsOf.ifPresent(id -> body.add("kvlink", StatsJson.of(answer.results(), id)));
    }
}
