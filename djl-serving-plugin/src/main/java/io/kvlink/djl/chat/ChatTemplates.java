// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import io.kvlink.djl.model.ModelLoadException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Map;
import java.util.Optional;

/** Finds a model's chat template. A model without one needs no Jinja library. */
public final class ChatTemplates {

    private ChatTemplates() {}

    /**
     * A model's template: {@code chat_template.jinja}, else what {@code tokenizer_config.json} has
     * as {@code chat_template} (of several, the one named {@code default}).
     *
     * @param file to read instead; in the model's directory unless absolute
     * @return empty if the model has none and no file is given
     * @throws ModelLoadException if a file isn't readable or malformed, or Jinjava isn't there
     */
    public static Optional<ChatTemplate> load(Path modelDirectory, Optional<String> file) {
        TemplateFiles files = new TemplateFiles(modelDirectory);
        Optional<String> source = files.template(file);
        if (source.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(template(modelDirectory, source.get(), files.specialTokens()));
    }

    private static ChatTemplate template(
            Path modelDirectory, String source, Map<String, String> tokens) {
        try {
            return ChatTemplate.of(source, tokens, Clock.system(ZoneId.systemDefault()));
        } catch (NoClassDefFoundError missing) {
            throw new ModelLoadException(
                    "model=%s has a chat template and class=%s is missing; put the jar jinjava, and those that it needs, beside the plugin"
                            .formatted(modelDirectory, missing.getMessage()),
                    missing);
        }
    }
}
