// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonObject;
import io.kvlink.djl.worker.GenerationResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Events of one streamed request, in the order of what is generated. Not thread-safe. */
final class AnswerEvents {

    /** Ends a stream that is whole. */
    static final String DONE = "[DONE]";

    private final PreparedCompletion prepared;
    private final AnswerJson json;
    private final Answer answer;
    private final Optional<String> statsOf;

    /**
     * Events of a request that hasn't begun.
     *
     * @param statsOf the request's id, if the last event says where its work was done
     */
    AnswerEvents(
            PreparedCompletion prepared, AnswerJson json, Answer answer, Optional<String> statsOf) {
        this.prepared = prepared;
        this.json = json;
        this.answer = answer;
        this.statsOf = statsOf;
    }

    /** A token, after what opens its answer. */
    List<JsonObject> onPiece(int index, TokenPiece piece) {
        List<JsonObject> events = new ArrayList<>(2);
        Answer.Choice choice = answer.choice(index);
        if (!choice.begun) {
            choice.begun = true;
            json.opening(index, prepared.echo(index)).ifPresent(events::add);
        }
        events.add(json.chunk(index, piece));
        return events;
    }

    /** The end of one answer. */
    JsonObject onChoiceFinished(int index, GenerationResult result) {
        answer.finish(index, result);
        JsonObject chunk = json.last(index, result);
        boolean last = answer.results().size() == prepared.requests().size();
        if (last && !prepared.includeUsage()) {
            addStats(chunk);
        }
        return chunk;
    }

    /** Events between the last answer and {@link #DONE}. */
    List<JsonObject> onAllFinished() {
        if (!prepared.includeUsage()) {
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
