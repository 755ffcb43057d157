// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.loader.ResourceNotFoundException;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import jinjava.javax.el.CompositeELResolver;
import org.jspecify.annotations.Nullable;

/**
 * The Jinja template with which a model's authors write a chat as text, special tokens included.
 * The template comes with the model and is trusted; messages are data: what looks like Jinja in
 * them stays as it is. Thread-safe. Takes as long as the messages are, so not for an event loop.
 */
public final class ChatTemplate {

    /** Most characters of a rendered chat. */
    private static final long MAX_OUTPUT = 64 << 20;

    private static final Pattern FILTERED_LOOP =
            Pattern.compile("\\{%[-+]?\\s*for\\s[^%]*\\sin\\s[^%]*\\sif\\s(?![^%]*\\selse\\s)");

    private static final int MAX_DEPTH = 64;
    private static final int MAX_RANGE = 1 << 16;

    private final Jinjava jinja;
    private final String source;
    // Why it can't be rendered; empty if it can.
    private final String unsupported;
    private final Map<String, String> tokens;
    private final Clock clock;

    private ChatTemplate(String source, Map<String, String> tokens, Clock clock) {
        String whole = source.endsWith("\n") ? source.substring(0, source.length() - 1) : source;
        this.tokens = Map.copyOf(tokens);
        this.clock = clock;
        this.jinja = new Jinjava(config());
        jinja.setResourceLocator(
                (name, encoding, interpreter) -> {
                    throw new ResourceNotFoundException("a chat template is one file: " + name);
                });
        TemplateFunctions.all().forEach(jinja::registerFunction);
        jinja.registerFilter(new PythonJson());
        jinja.getGlobalContext().registerExpTest(new PythonIterable());
        JinjaDialect.Translated translated = JinjaDialect.translate(whole);
        this.source = translated.source();
        this.unsupported = unsupported(translated);
    }

    /**
     * A template.
     *
     * @param source Jinja, as Hugging Face's transformers take it
     * @param tokens names and texts of special tokens, such as {@code bos_token}
     * @param clock for templates that write the date
     */
    public static ChatTemplate of(String source, Map<String, String> tokens, Clock clock) {
        return PluginClasses.visibleTo(() -> new ChatTemplate(source, tokens, clock));
    }

    /**
     * Writes a chat.
     *
     * @param messages each with {@code role} and {@code content}, and what else the client sent;
     *     made of maps, lists, strings, numbers and booleans
     * @param addGenerationPrompt whether the text ends with the beginning of an answer
     * @param more further variables of the template
     * @throws ChatTemplateException if the template refuses the messages, or fails
     */
    public String render(
            List<Map<String, Object>> messages,
            boolean addGenerationPrompt,
            Map<String, Object> more) {
        if (!unsupported.isEmpty()) {
            throw new ChatTemplateException(
                    "the model's chat template has %s, which isn't rendered here; give the model another by option.chat_template"
                            .formatted(unsupported));
        }
        Map<String, @Nullable Object> variables = new HashMap<>(more);
        variables.putAll(tokens);
        variables.put("messages", messages);
        variables.put("add_generation_prompt", addGenerationPrompt);
        variables.put(TemplateFunctions.NOW, ZonedDateTime.now(clock));
        // Functions aren't variables to Jinjava, and templates ask whether this one is defined.
        variables.put(TemplateFunctions.DATE_FUNCTION, true);
        RenderResult result =
                PluginClasses.visibleTo(() -> jinja.renderForResult(source, variables));
        for (TemplateError error : result.getErrors()) {
            if (error.getSeverity() == TemplateError.ErrorType.FATAL) {
                throw new ChatTemplateException(reason(error));
            }
        }
        return result.getOutput();
    }

    /** What Jinjava would render as nothing, without a word. */
    private String unsupported(JinjaDialect.Translated translated) {
        if (FILTERED_LOOP.matcher(translated.source()).find()) {
            return "a loop of the form 'for … in … if …'";
        }
        for (String filter : translated.filters()) {
            if (jinja.getGlobalContext().getFilter(filter) == null) {
                return "the filter " + filter;
            }
        }
        for (String test : translated.tests()) {
            if (jinja.getGlobalContext().getExpTest(test) == null) {
                return "the test " + test;
            }
        }
        return "";
    }

    private static String reason(TemplateError error) {
        for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
            if (cause instanceof ChatTemplateException refusal) {
                return String.valueOf(refusal.getMessage());
            }
        }
        return "the model's chat template fails on these messages: line %d: %s"
                .formatted(error.getLineno(), error.getMessage());
    }

    /** As close to Python's Jinja as Jinjava gets, set up as transformers set theirs up. */
    private static JinjavaConfig config() {
        CompositeELResolver resolver = new CompositeELResolver();
        resolver.add(new PythonMethods());
        resolver.add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
        return JinjavaConfig.newBuilder()
                .withTrimBlocks(true)
                .withLstripBlocks(true)
                .withKeepTrailingNewline(true)
                .withNestedInterpretationEnabled(false)
                .withMaxOutputSize(MAX_OUTPUT)
                .withMaxRenderDepth(MAX_DEPTH)
                .withRangeLimit(MAX_RANGE)
                .withElResolver(resolver)
                .withLegacyOverrides(
                        LegacyOverrides.newBuilder()
                                .withEvaluateMapKeys(true)
                                .withIterateOverMapKeys(true)
                                .withKeepNullableLoopValues(true)
                                .withUseNaturalOperatorPrecedence(true)
                                .withParseWhitespaceControlStrictly(true)
                                .withUsePyishObjectMapper(true)
                                .withUseTrimmingForNotesAndExpressions(true)
                                .build())
                .build();
    }
}
