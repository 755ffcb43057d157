// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.util.List;

/**
 * Fields of OpenAI's and vLLM's requests that aren't done here: values that ask for nothing are
 * taken, all others refused. Fields that nobody knows are skipped.
 */
final class UnsupportedFields {

    private UnsupportedFields() {}

    static void read(String name, FieldReader fields) throws IOException {
        switch (name) {
            case "use_beam_search", "include_stop_str_in_output", "continue_final_message" ->
                    onlyFlag(name, false, fields);
            case "skip_special_tokens" -> onlyFlag(name, true, fields);
            case "suffix" -> onlyEmptyText(name, fields);
            case "tools", "functions", "allowed_token_ids", "bad_words" ->
                    onlyEmptyList(name, fields);
            case "tool_choice", "function_call" -> onlyTexts(name, List.of("none", "auto"), fields);
            case "response_format" -> onlyTextFormat(name, fields);
            case "modalities" -> onlyTextModality(name, fields);
            case "prompt_logprobs",
                    "prompt_embeds",
                    "truncate_prompt_tokens",
                    "structured_outputs",
                    "guided_json",
                    "guided_regex",
                    "guided_choice",
                    "guided_grammar",
                    "audio",
                    "chat_template",
                    "web_search_options" ->
                    throw fields.wrongType(name, "null: it isn't done here");
            default -> fields.skip();
        }
    }

    private static void onlyFlag(String name, boolean only, FieldReader fields) throws IOException {
        boolean value = fields.flag(name);
        if (value != only) {
            throw FieldReader.refused(
                    name, Boolean.toString(value), only + ": nothing else is done here");
        }
    }

    private static void onlyEmptyText(String name, FieldReader fields) throws IOException {
        String value = fields.text(name);
        if (!value.isEmpty()) {
            throw FieldReader.refused(name, '"' + value + '"', "no text: it isn't done here");
        }
    }

    private static void onlyTexts(String name, List<String> only, FieldReader fields)
            throws IOException {
        if (fields.peek() != JsonToken.STRING) {
            throw fields.wrongType(name, "one of " + only + ": nothing else is done here");
        }
        String value = fields.text(name);
        if (!only.contains(value)) {
            throw FieldReader.refused(
                    name, '"' + value + '"', "one of " + only + ": nothing else is done here");
        }
    }

    private static void onlyEmptyList(String name, FieldReader fields) throws IOException {
        if (fields.peek() != JsonToken.BEGIN_ARRAY) {
            throw fields.wrongType(name, "[]: it isn't done here");
        }
        fields.beginArray();
        if (fields.hasNext()) {
            throw FieldReader.refused(name, "[…]", "[]: it isn't done here");
        }
        fields.endArray();
    }

    private static void onlyTextFormat(String name, FieldReader fields) throws IOException {
        fields.beginObject(name);
        while (fields.hasNext()) {
            if (fields.name().equals("type")) {
                onlyTexts(name, List.of("text"), fields);
            } else {
                fields.skip();
            }
        }
        fields.endObject();
    }

    private static void onlyTextModality(String name, FieldReader fields) throws IOException {
        if (fields.peek() != JsonToken.BEGIN_ARRAY) {
            throw fields.wrongType(name, "a list");
        }
        fields.beginArray();
        while (fields.hasNext()) {
            onlyTexts(name, List.of("text"), fields);
        }
        fields.endArray();
    }
}
