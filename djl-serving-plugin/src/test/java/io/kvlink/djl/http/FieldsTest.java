// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static io.kvlink.djl.http.TestServer.json;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Fields of OpenAI's, vLLM's and SGLang's requests: what each value asks for. */
class FieldsTest {

    private static final List<String> PATHS = List.of("/v1/completions", "/v1/chat/completions");

    private final FakeGenerator model = new FakeGenerator("m");
    @RegisterExtension final TestServer server = new TestServer(model);

    private CompletableFuture<HttpResponse<String>> ask(String path, String field) {
        return ask(path, field, "{\"role\":\"user\",\"content\":\"a\"}");
    }

    private CompletableFuture<HttpResponse<String>> ask(String path, String field, String message) {
        if (model.template.isEmpty()) {
            template("{{ messages[-1].content }}!");
        }
        String asked =
                path.equals(PATHS.get(0))
                        ? "\"prompt\":\"a\""
                        : "\"messages\":[%s]".formatted(message);
        return server.send(
                server.request(path)
                        .POST(
                                HttpRequest.BodyPublishers.ofString(
                                        "{%s,\"max_tokens\":2%s}"
                                                .formatted(
                                                        asked,
                                                        field.isEmpty() ? "" : "," + field))));
    }

    private void template(String source) {
        model.template = Optional.of(ChatTemplate.of(source, Map.of(), Clock.systemUTC()));
    }

    private void assertServed(CompletableFuture<HttpResponse<String>> answer) throws Exception {
        FakeGenerator.Submitted submitted = model.next();
        submitted.text("x").finish(FinishReason.STOP, 1);
        assertThat(TestServer.await(answer).statusCode()).isEqualTo(200);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"echo\": false",
                "\"store\": false",
                "\"store\": null",
                "\"user\": \"u\", \"metadata\": {\"a\": \"b\"}, \"safety_identifier\": \"s\"",
                "\"service_tier\": \"auto\", \"prompt_cache_key\": \"k\"",
                "\"prediction\": {\"type\": \"content\", \"content\": \"x\"}",
                "\"parallel_tool_calls\": true, \"tools\": [], \"tool_choice\": \"auto\"",
                "\"verbosity\": \"medium\"",
                "\"stream_options\": {\"include_usage\": false, \"continuous_usage_stats\": false}",
                "\"stream_options\": {\"include_obfuscation\": null, \"later\": 1}",
                "\"return_token_ids\": false, \"return_tokens_as_token_ids\": null",
                "\"priority\": 0, \"cache_salt\": \"s\", \"request_id\": \"r\"",
                "\"length_penalty\": 2.0, \"early_stopping\": true",
                "\"spaces_between_special_tokens\": false, \"include_reasoning\": true",
                "\"mm_processor_kwargs\": {}, \"kv_transfer_params\": {}, \"vllm_xargs\": null",
                "\"logprob_token_ids\": [], \"bad_words\": [], \"allowed_token_ids\": null",
                "\"thinking_token_budget\": -1, \"stream_interval\": 1",
                "\"truncation_side\": \"left\", \"prompt_logprobs\": null",
                "\"chat_template\": \"\", \"suffix\": \"\"",
                "\"guided_decoding_backend\": \"x\"",
                "\"logit_bias\": {}, \"stop\": [], \"n\": 1, \"best_of\": 1",
                "\"logprobs\": false, \"top_logprobs\": 0",
                "\"logprobs\": null, \"top_logprobs\": null",
                "\"response_format\": {\"type\": \"text\"}, \"modalities\": [\"text\"]",
                "\"nobody_knows\": {\"a\": [1]}"
            })
    void shouldTakeWhatAsksForNothing(String field) throws Exception {
        for (String path : PATHS) {
            assertServed(ask(path, field));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    "store": true                              | store
                    "verbosity": "low"                         | verbosity
                    "stream_options": {"continuous_usage_stats": true} | stream_options.continuous_usage_stats
                    "stream_options": {"include_obfuscation": true} | stream_options.include_obfuscation
                    "return_token_ids": true                   | return_token_ids
                    "return_tokens_as_token_ids": true         | return_tokens_as_token_ids
                    "return_prompt_text": true                 | return_prompt_text
                    "priority": 1                              | priority
                    "mm_processor_kwargs": {"a": 1}            | mm_processor_kwargs
                    "media_io_kwargs": {"a": {}}               | media_io_kwargs
                    "kv_transfer_params": {"do_remote_decode": true} | kv_transfer_params
                    "ec_transfer_params": {"a": 1}             | ec_transfer_params
                    "vllm_xargs": {"a": 1}                     | vllm_xargs
                    "logits_processors": ["a"]                 | logits_processors
                    "logprob_token_ids": [1]                   | logprob_token_ids
                    "thinking_token_budget": 0                 | thinking_token_budget
                    "stream_interval": 5                       | stream_interval
                    "include_reasoning": false                 | include_reasoning
                    "repetition_detection": {}                 | repetition_detection
                    "watermarking": true                       | watermarking
                    "lora": "a"                                | lora
                    "lora_request": {}                         | lora_request
                    "lora_path": "a"                           | lora_path
                    "adapters": ["a"]                          | adapters
                    "prompt_logprobs": 0                       | prompt_logprobs
                    "truncate_prompt_tokens": -1               | truncate_prompt_tokens
                    "include_stop_str_in_output": true         | include_stop_str_in_output
                    "skip_special_tokens": false               | skip_special_tokens
                    "regex": "a"                               | regex
                    "ebnf": "a"                                | ebnf
                    "json_schema": "{}"                        | json_schema
                    "structural_tag": "{}"                     | structural_tag
                    "guided_choice": ["a"]                     | guided_choice
                    "tool_choice": "required"                  | tool_choice
                    "tools": [{"type": "function"}]            | tools
                    "functions": [{"name": "f"}]               | functions
                    "audio": {"voice": "alloy"}                | audio
                    "modalities": ["text", "audio"]            | modalities
                    "web_search_options": {}                   | web_search_options
                    "best_of": 2                               | best_of
                    "top_logprobs": 1                          | top_logprobs
                    "logit_bias": []                           | logit_bias
                    "logit_bias": {"1": "5"}                   | logit_bias
                    "logit_bias": {"1.0": 5}                   | logit_bias
                    "n": 1.5                                   | n
                    """)
    void shouldRefuseByNameWhatIsNotDone(String field, String param) throws Exception {
        for (String path : PATHS) {
            HttpResponse<String> response = TestServer.await(ask(path, field));
            assertThat(response.statusCode()).as(path + response.body()).isEqualTo(400);
            JsonObject error = json(response).getAsJsonObject("error");
            assertThat(error.get("param").getAsString()).isEqualTo(param);
            assertThat(error.get("message").getAsString()).startsWith(param + "=");
        }
        assertThat(model.idle()).isTrue();
    }

    @Test
    void shouldRefuseAChatsEcho() throws Exception {
        HttpResponse<String> response = TestServer.await(ask(PATHS.get(1), "\"echo\": true"));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("\"param\":\"echo\"", "echo=true; expected false");
    }

    @Test
    void shouldRefuseDocumentsThatTheTemplateDoesNotRead() throws Exception {
        String documents = "\"documents\": [{\"title\": \"t\", \"text\": \"x\"}]";
        template("documents {# {{ documents }} #}{{ messages[-1].content }}");
        HttpResponse<String> response = TestServer.await(ask(PATHS.get(1), documents));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("\"param\":\"documents\"", "reads no documents");
        assertServed(ask(PATHS.get(1), "\"documents\": []"));
        template("{% for d in documents %}{{ d.text }}{% endfor %}{{ messages[-1].content }}");
        assertServed(ask(PATHS.get(1), documents));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"role\": \"assistant\", \"refusal\": \"no\"}",
                "{\"role\": \"assistant\", \"content\": null, \"reasoning_content\": \"hm\"}",
                "{\"role\": \"assistant\", \"function_call\": {\"name\": \"f\", \"arguments\": \"{}\"}}",
                "{\"role\": \"assistant\", \"content\": []}",
                "{\"role\": \"assistant\", \"content\": \"\", \"audio\": {\"id\": \"x\"}}",
                "{\"role\": \"assistant\", \"tool_calls\": []}",
                "{\"role\": \"assistant\", \"content\": [{\"type\": \"refusal\", \"refusal\": \"no\"}]}",
                "{\"role\": \"assistant\"}",
                "{\"role\": \"tool\", \"tool_call_id\": \"1\"}",
                "{\"role\": \"function\", \"name\": \"f\", \"content\": null}",
                "{\"role\": \"function\", \"name\": \"f\", \"content\": \"42\"}"
            })
    void shouldTakeHistoriesWhoseAnswersSayNothing(String message) throws Exception {
        assertServed(ask(PATHS.get(1), "", message + ",{\"role\": \"user\", \"content\": \"b\"}"));
    }
}
