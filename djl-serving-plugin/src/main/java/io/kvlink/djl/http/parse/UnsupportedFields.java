// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import com.google.gson.stream.JsonToken;
import io.kvlink.djl.http.answer.ApiException;
import java.io.IOException;
import java.util.List;

/**
 * Fields of OpenAI's, vLLM's and SGLang's requests that aren't done here: values that ask for
 * nothing are taken, all others refused. Fields that change nothing of an answer, and those that
 * nobody knows, are skipped.
 */
final class UnsupportedFields {

    private static final String NOT_DONE = ": it isn't done here";
    private static final String NOTHING_ELSE = ": nothing else is done here";

    private UnsupportedFields() {}

    /** Reads a field that neither the endpoint's parser nor the common fields know. */
    static void read(String name, FieldReader fields) throws IOException {
        switch (name) {
            // A completion's echo is served; a chat's is another thing.
            case "echo",
                    "use_beam_search",
                    "include_stop_str_in_output",
                    "continue_final_message",
                    "return_token_ids",
                    "return_tokens_as_token_ids",
                    "return_prompt_text",
                    "store",
                    "watermarking" ->
                    onlyFlag(name, false, fields);
            case "skip_special_tokens", "include_reasoning" -> onlyFlag(name, true, fields);
            case "suffix", "chat_template", "regex", "ebnf", "lora_path" ->
                    onlyEmptyText(name, fields);
            case "tools",
                    "functions",
                    "allowed_token_ids",
                    "bad_words",
                    "logprob_token_ids",
                    "logits_processors" ->
                    onlyEmptyList(name, fields);
            case "kv_transfer_params",
                    "ec_transfer_params",
                    "vllm_xargs",
                    "extra_args",
                    "mm_processor_kwargs",
                    "media_io_kwargs" ->
                    onlyEmptyObject(name, fields);
            // A completion's best_of and a chat's top_logprobs are read before.
            case "priority", "top_logprobs" -> onlyNumber(name, 0, fields);
            case "stream_interval", "best_of" -> onlyNumber(name, 1, fields);
            case "thinking_token_budget" -> onlyNumber(name, -1, fields);
            case "tool_choice", "function_call" -> onlyTexts(name, List.of("none", "auto"), fields);
            case "verbosity" -> onlyTexts(name, List.of("medium"), fields);
            case "response_format" -> onlyTextFormat(name, fields);
            case "modalities" -> onlyTextModality(name, fields);
            case "adapters",
                    "audio",
                    "guided_choice",
                    "guided_grammar",
                    "guided_json",
                    "guided_regex",
                    "json_schema",
                    "lora",
                    "lora_request",
                    "prompt_embeds",
                    "prompt_logprobs",
                    "repetition_detection",
                    "structural_tag",
                    "structured_outputs",
                    "truncate_prompt_tokens",
                    "web_search_options" ->
                    throw fields.wrongType(name, "null" + NOT_DONE);
            default -> fields.skip();
        }
    }

    /** Reads a field of {@code stream_options} that isn't served. */
    static void readStreamOption(String name, FieldReader fields) throws IOException {
        switch (name) {
            case "continuous_usage_stats", "include_obfuscation" -> {
                if (!fields.skipNull()) {
                    onlyFlag("stream_options." + name, false, fields);
                }
            }
            default -> fields.skip();
        }
    }

    private static void onlyFlag(String name, boolean only, FieldReader fields) throws IOException {
        boolean value = fields.flag(name);
        if (value != only) {
            throw ApiException.refused(name, Boolean.toString(value), only + NOTHING_ELSE);
        }
    }

    private static void onlyNumber(String name, long only, FieldReader fields) throws IOException {
        long value = fields.integer(name, Long.MIN_VALUE, Long.MAX_VALUE);
        if (value != only) {
            throw ApiException.refused(name, Long.toString(value), only + NOTHING_ELSE);
        }
    }

    private static void onlyEmptyText(String name, FieldReader fields) throws IOException {
        String value = fields.text(name);
        if (!value.isEmpty()) {
            throw ApiException.refused(name, '"' + value + '"', "no text" + NOT_DONE);
        }
    }

    private static void onlyTexts(String name, List<String> only, FieldReader fields)
            throws IOException {
        if (fields.peek() != JsonToken.STRING) {
            throw fields.wrongType(name, "one of " + only + NOTHING_ELSE);
        }
        String value = fields.text(name);
        if (!only.contains(value)) {
            throw ApiException.refused(name, '"' + value + '"', "one of " + only + NOTHING_ELSE);
        }
    }

    private static void onlyEmptyList(String name, FieldReader fields) throws IOException {
        if (fields.peek() != JsonToken.BEGIN_ARRAY) {
            throw fields.wrongType(name, "[]" + NOT_DONE);
        }
        fields.beginArray();
        if (fields.hasNext()) {
            throw ApiException.refused(name, "[…]", "[]" + NOT_DONE);
        }
        fields.endArray();
    }

    private static void onlyEmptyObject(String name, FieldReader fields) throws IOException {
        if (fields.peek() != JsonToken.BEGIN_OBJECT) {
            throw fields.wrongType(name, "{}" + NOT_DONE);
        }
        fields.beginObject(name);
        if (fields.hasNext()) {
            throw ApiException.refused(name, "{…}", "{}" + NOT_DONE);
        }
        fields.endObject();
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
