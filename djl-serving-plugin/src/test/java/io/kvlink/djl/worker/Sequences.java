// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.spi.KvRequest;
import java.time.Duration;
import java.util.List;

/** Sequences outside a worker, for which nothing is picked. */
final class Sequences {

    private Sequences() {}

    static Sequence waiting(int... prompt) {
        GenerationRequest request = Prompts.local(prompt, 1);
        RunningAnswer answer =
                new RunningAnswer(
                        request,
                        new Listening(),
                        ModelConfig.read(TinyModels.DEMO),
                        new AnswerText(null, List.of(), 0),
                        (params, tokens, enders) -> {
                            throw new IllegalStateException("nothing is picked here");
                        },
                        1,
                        Duration.ofHours(1));
        return new Sequence(
                KvRequest.builder("a", request.promptTokens()).build(),
                answer,
                prompt.length + 1,
                0,
                () -> {});
    }
}
