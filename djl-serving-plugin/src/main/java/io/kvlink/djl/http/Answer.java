// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.worker.GenerationResult;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What has been generated so far, by prompt. Not thread-safe. */
final class Answer {

    /** One prompt's part. */
    static final class Choice {
        final StringBuilder text = new StringBuilder();
        @Nullable GenerationResult result;
    }

    private final List<Choice> choices = new ArrayList<>();

    Answer(int prompts) {
        for (int i = 0; i < prompts; i++) {
            choices.add(new Choice());
        }
    }

    void append(int index, String text) {
        choices.get(index).text.append(text);
    }

    void finish(int index, GenerationResult result) {
        choices.get(index).result = result;
    }

    List<Choice> choices() {
        return choices;
    }

    /** The results of the prompts that have finished. */
    List<GenerationResult> results() {
        List<GenerationResult> results = new ArrayList<>(choices.size());
        for (Choice choice : choices) {
            if (choice.result != null) {
                results.add(choice.result);
            }
        }
        return results;
    }
}
