// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.http.parse.CompletionRequest.Prompt;
import io.kvlink.djl.http.parse.CompletionRequest.TextPrompt;

/**
 * A prompt's text before its answers.
 *
 * @param text what no answer changes of it
 * @param joins true if the answers' texts have to begin with what becomes of the rest of it
 */
public record Echo(String text, boolean joins) {

    /** The echo of a prompt: as the client wrote it, or what its tokens are decoded to. */
    public static Echo of(Prompt prompt, int[] tokens, TextGenerator generator) {
        String text = prompt instanceof TextPrompt own ? own.text() : generator.decode(tokens);
        String uncertain = generator.uncertain(tokens);
        // A tokenizer may have another spelling than the client; then what he wrote stays.
        return !uncertain.isEmpty() && text.endsWith(uncertain)
                ? new Echo(text.substring(0, text.length() - uncertain.length()), true)
                : new Echo(text, false);
    }
}
