// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import io.kvlink.djl.jinja.Template;
import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The Jinja template with which a model's authors write a chat as text, special tokens included.
 * Messages are data: what looks like Jinja in them stays as it is. A template that can't be
 * rendered keeps the reason. Thread-safe. Takes as long as the messages are, so not for an event
 * loop.
 */
public final class ChatTemplate {

    private static final Pattern COMMENT = Pattern.compile("\\{#.*?#}", Pattern.DOTALL);

    private static final Pattern TAG = Pattern.compile("\\{[{%].*?[%}]}", Pattern.DOTALL);

    // Null if it can't be rendered.
    private final @Nullable Template template;
    // Why it can't; empty if it can.
    private final String unsupported;
    private final String source;
    private final Map<String, String> tokens;
    private final Clock clock;

    private ChatTemplate(
            @Nullable Template template,
            String unsupported,
            String source,
            Map<String, String> tokens,
            Clock clock) {
        this.template = template;
        this.unsupported = unsupported;
        this.source = COMMENT.matcher(source).replaceAll("");
        this.tokens = Map.copyOf(tokens);
        this.clock = clock;
    }

    /**
     * A template.
     *
     * @param source Jinja, as Hugging Face's transformers take it
     * @param tokens names and texts of special tokens, such as {@code bos_token}
     * @param clock for templates that write the date
     */
    public static ChatTemplate of(String source, Map<String, String> tokens, Clock clock) {
        try {
            return new ChatTemplate(Template.parse(source), "", source, tokens, clock);
        } catch (TemplateSyntaxException fault) {
            String reason =
                    "the model's chat template isn't rendered here: %s; give the model another by option.chat_template"
                            .formatted(fault.getMessage());
            return new ChatTemplate(null, reason, source, tokens, clock);
        }
    }

    /** Reason why no chat can be rendered, with the template's line; empty if chats can. */
    public Optional<String> unsupported() {
        return template == null ? Optional.of(unsupported) : Optional.empty();
    }

    /** True if a tag of the template names the variable. */
    public boolean reads(String variable) {
        Pattern word = Pattern.compile("\\b" + Pattern.quote(variable) + "\\b");
        return TAG.matcher(source).results().anyMatch(tag -> word.matcher(tag.group()).find());
    }

    /**
     * Writes a chat.
     *
     * @param messages each with {@code role} and {@code content}, and what else the client sent;
     *     made of maps, lists, strings, numbers, booleans and nulls
     * @param addGenerationPrompt whether the text ends with the beginning of an answer
     * @param more further variables of the template
     * @throws ChatTemplateException if the template refuses the messages, or fails
     */
    public String render(
            List<Map<String, Object>> messages,
            boolean addGenerationPrompt,
            Map<String, Object> more) {
        if (template == null) {
            throw new ChatTemplateException(unsupported);
        }
        Map<String, @Nullable Object> variables = new HashMap<>(more);
        variables.putAll(tokens);
        variables.put("messages", messages);
        variables.put("add_generation_prompt", addGenerationPrompt);
        try {
            return template.render(variables, ZonedDateTime.now(clock));
        } catch (TemplateException failure) {
            throw new ChatTemplateException(
                    failure.raised()
                            ? "the model's chat template says: " + failure.reason()
                            : "the model's chat template fails on these messages: "
                                    + failure.getMessage());
        }
    }
}
