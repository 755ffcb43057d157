// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.answer;

import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.http.answer.TokenPiece.Logprobs;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Answers of one request as far as they have been generated. Not thread-safe. */
public final class AnswerChoices {

    /** One answer. */
    static final class Choice {
        final String echo;
        final StringBuilder text;
        final List<Logprobs> logprobs = new ArrayList<>();
        @Nullable GenerationResult result;
        // Of a stream: whether anything was sent.
        boolean begun;

        Choice(String echo) {
            this.echo = echo;
            this.text = new StringBuilder(echo);
        }
    }

    private final List<Choice> choices = new ArrayList<>();
    private final int choicesPerPrompt;

    /**
     * Answers that haven't begun.
     *
     * @param echoes of each answer the text before it; empty for nothing
     * @param choicesPerPrompt how many answers each prompt gets
     */
    public AnswerChoices(List<String> echoes, int choicesPerPrompt) {
        this.choicesPerPrompt = choicesPerPrompt;
        echoes.forEach(echo -> choices.add(new Choice(echo)));
    }

    Choice choice(int index) {
        return choices.get(index);
    }

    /** Adds a token to one answer. */
    public void append(int index, TokenPiece piece) {
        Choice choice = choices.get(index);
        choice.text.append(piece.text());
        if (piece.logprobs() != null) {
            choice.logprobs.add(piece.logprobs());
        }
    }

    /** Ends one answer. */
    public void finish(int index, GenerationResult result) {
        choices.get(index).result = result;
    }

    List<Choice> choices() {
        return choices;
    }

    /** The results of the answers that have finished. */
    public List<GenerationResult> results() {
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
