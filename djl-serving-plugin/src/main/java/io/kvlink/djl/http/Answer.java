// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.http.TokenPiece.Logprobs;
import io.kvlink.djl.worker.GenerationResult;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What has been generated so far, by answer. Not thread-safe. */
final class Answer {

    /** One answer. */
    static final class Choice {
        final StringBuilder text = new StringBuilder();
        final List<Logprobs> logprobs = new ArrayList<>();
        @Nullable GenerationResult result;
        // Of a stream: whether anything was sent.
        boolean begun;
    }

    private final List<Choice> choices = new ArrayList<>();
    private final int choicesPerPrompt;

    Answer(PreparedCompletion prepared) {
        choicesPerPrompt = prepared.choicesPerPrompt();
        for (int i = 0; i < prepared.requests().size(); i++) {
            Choice choice = new Choice();
            choice.text.append(prepared.echo(i));
            choices.add(choice);
        }
    }

    Choice choice(int index) {
        return choices.get(index);
    }

    void append(int index, TokenPiece piece) {
        Choice choice = choices.get(index);
        choice.text.append(piece.text());
        if (piece.logprobs() != null) {
            choice.logprobs.add(piece.logprobs());
        }
    }

    void finish(int index, GenerationResult result) {
        choices.get(index).result = result;
    }

    List<Choice> choices() {
        return choices;
    }

    /** The results of the answers that have finished. */
    List<GenerationResult> results() {
        List<GenerationResult> results = new ArrayList<>(choices.size());
        for (Choice choice : choices) {
            if (choice.result != null) {
                results.add(choice.result);
            }
        }
        return results;
    }

    /** Tokens of the prompts, each counted once however many answers it gets. */
    long promptTokens() {
        long tokens = 0;
        for (int first = 0; first < choices.size(); first += choicesPerPrompt) {
            GenerationResult result = choices.get(first).result;
            tokens += result == null ? 0 : result.promptTokens();
        }
        return tokens;
    }

    long completionTokens() {
        return results().stream().mapToLong(GenerationResult::completionTokens).sum();
    }
}
