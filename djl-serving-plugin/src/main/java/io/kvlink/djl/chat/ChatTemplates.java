// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import io.kvlink.djl.model.config.ModelLoadException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds a model's chat template. */
public final class ChatTemplates {

    private static final Logger log = LoggerFactory.getLogger(ChatTemplates.class);

    private ChatTemplates() {}

    /**
     * A model's template: {@code chat_template.jinja}, else what {@code tokenizer_config.json} has
     * as {@code chat_template} (of several, the one named {@code default}). A template that can't
     * be rendered is logged with the reason; the model is served without chats then.
     *
     * @param file to read instead; in the model's directory unless absolute
     * @return empty if the model has none and no file is given
     * @throws ModelLoadException if a file isn't readable or malformed
     */
    public static Optional<ChatTemplate> load(Path modelDirectory, Optional<String> file) {
        TemplateFiles files = new TemplateFiles(modelDirectory);
        Optional<ChatTemplate> template =
                files.template(file)
                        .map(
                                source ->
                                        ChatTemplate.of(
                                                source,
                                                files.specialTokens(),
                                                Clock.system(ZoneId.systemDefault())));
        template.flatMap(ChatTemplate::unsupported)
                .ifPresent(reason -> log.warn("model={} can't chat: {}", modelDirectory, reason));
        return template;
    }
}
