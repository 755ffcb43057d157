// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.AsyncStreamResponse;
import com.openai.core.http.HttpResponseFor;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.InternalServerException;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIIoException;
import com.openai.errors.SseException;
import com.openai.models.ReasoningEffort;
import com.openai.models.ResponseFormatText;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionContentPart;
import com.openai.models.chat.completions.ChatCompletionContentPartText;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionTokenLogprob;
import com.openai.models.chat.completions.ChatCompletionToolChoiceOption;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionChoice;
import com.openai.models.completions.CompletionCreateParams;
import io.kvlink.samples.ProgramRun;
import io.kvlink.samples.ServedModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** OpenAI's Java client against a worker and through the proxy. */
class OpenAiJavaTest {

    private static final Path SAMPLES = Path.of("../..");
    private static final String MODEL = "base_model";
    private static final String QUESTION =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";
    private static final String ANSWER = " Leo is in the attic.";

    private static ServedModel served;

    private final List<OpenAIClient> clients = new ArrayList<>();

    @BeforeAll
    static void start(@TempDir Path logs) throws InterruptedException {
        served = ServedModel.start(SAMPLES, logs);
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    static Stream<String> addresses() {
        return Stream.of(served.workerUrl(), served.proxyUrl());
    }

    @AfterEach
    void rest() throws Exception {
        clients.forEach(OpenAIClient::close);
        served.assertAtRest();
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldRunTheExample(String address) throws Exception {
        assertThat(ProgramRun.ofExample(OpenAiJava.class, address + "/v1"))
                .contains("model: base_model", "retrieved: kvlink")
                .contains("completion: there was", "chat:" + ANSWER, "stream:" + ANSWER)
                .contains("turn 2: ", "async:" + ANSWER, "async stream:" + ANSWER)
                .contains("tokens: 31", "accumulated: 31", "cancelled after: 3")
                .contains("error: 404 model_not_found");
    }

    @ParameterizedTest
    @MethodSource("addresses")
    @SuppressWarnings("deprecation") // Of the client, and still in use.
    void shouldTakeEveryFieldThatAsksForNothingMore(String address) {
        ChatCompletionCreateParams params =
                question()
                        .n(2)
                        .seed(7)
                        .temperature(0.0)
                        .topP(0.9)
                        .stopOfStrings(List.of("attic"))
                        .presencePenalty(0.5)
                        .frequencyPenalty(0.5)
                        .logitBias(
                                ChatCompletionCreateParams.LogitBias.builder()
                                        .putAdditionalProperty("5", JsonValue.from(-100))
                                        .build())
                        .logprobs(true)
                        .topLogprobs(2)
                        .store(false)
                        .metadata(
                                ChatCompletionCreateParams.Metadata.builder()
                                        .putAdditionalProperty("who", JsonValue.from("me"))
                                        .build())
                        .user("somebody")
                        .safetyIdentifier("somebody")
                        .promptCacheKey("key")
                        .serviceTier(ChatCompletionCreateParams.ServiceTier.AUTO)
                        .verbosity(ChatCompletionCreateParams.Verbosity.MEDIUM)
                        .reasoningEffort(ReasoningEffort.LOW)
                        .addModality(ChatCompletionCreateParams.Modality.TEXT)
                        .responseFormat(ResponseFormatText.builder().build())
                        .parallelToolCalls(true)
                        .toolChoice(ChatCompletionToolChoiceOption.Auto.NONE)
                        .tools(List.of())
                        .putAdditionalBodyProperty("top_k", JsonValue.from(40))
                        .build();
        ChatCompletion answer = client(address).chat().completions().create(params);
        assertThat(answer.validate().choices()).hasSize(2);
        assertThat(answer.choices())
                .allSatisfy(
                        choice -> {
                            assertThat(choice.message().content()).contains(" Leo is in the ");
                            assertThat(choice.finishReason())
                                    .isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
                            List<ChatCompletionTokenLogprob> tokens =
                                    choice.logprobs().orElseThrow().content().orElseThrow();
                            assertThat(tokens).allMatch(token -> token.topLogprobs().size() == 2);
                            assertThat(tokens.get(0).token()).isEqualTo(" Leo");
                        });
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldTakeContentInPartsAndDevelopersMessages(String address) {
        ChatCompletionCreateParams params =
                ChatCompletionCreateParams.builder()
                        .model(MODEL)
                        .addDeveloperMessage("Facts: Leo is in the attic.")
                        .addUserMessageOfArrayOfContentParts(
                                Stream.of("Mia is on the hill.", "Question: Where is Leo? Answer:")
                                        .map(
                                                text ->
                                                        ChatCompletionContentPart.ofText(
                                                                ChatCompletionContentPartText
                                                                        .builder()
                                                                        .text(text)
                                                                        .build()))
                                        .toList())
                        .maxCompletionTokens(8)
                        .temperature(0.0)
                        .build();
        ChatCompletion answer = client(address).chat().completions().create(params).validate();
        assertThat(answer.choices().get(0).message().content().orElseThrow()).isNotEmpty();
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldStreamTokenByToken(String address) {
        List<String> pieces = new ArrayList<>();
        List<ChatCompletionChunk> chunks = new ArrayList<>();
        ChatCompletionCreateParams params =
                question()
                        .streamOptions(
                                ChatCompletionStreamOptions.builder().includeUsage(true).build())
                        .build();
        try (StreamResponse<ChatCompletionChunk> stream =
                client(address).chat().completions().createStreaming(params)) {
            stream.stream().forEach(chunks::add);
        }
        chunks.stream()
                .flatMap(chunk -> chunk.validate().choices().stream())
                .flatMap(choice -> choice.delta().content().stream())
                .filter(piece -> !piece.isEmpty())
                .forEach(pieces::add);
        assertThat(String.join("", pieces)).startsWith(ANSWER);
        assertThat(pieces).hasSize(8);
        assertThat(chunks.get(chunks.size() - 1).usage().orElseThrow().completionTokens())
                .isEqualTo(8);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldServeCompletionsWithLogprobs(String address) {
        CompletionCreateParams params =
                CompletionCreateParams.builder()
                        .model(CompletionCreateParams.Model.of(MODEL))
                        .promptOfArrayOfStrings(List.of(QUESTION, "Once upon a time"))
                        .maxTokens(4)
                        .temperature(0.0)
                        .logprobs(2)
                        .build();
        OpenAIClient client = client(address);
        Completion whole = client.completions().create(params).validate();
        assertThat(whole.choices()).hasSize(2);
        assertThat(whole.choices().get(0).text()).isEqualTo(" Leo is in the");
        CompletionChoice.Logprobs logprobs = whole.choices().get(0).logprobs().orElseThrow();
        assertThat(logprobs.tokens().orElseThrow()).containsExactly(" Leo", " is", " in", " the");
        try (StreamResponse<Completion> stream = client.completions().createStreaming(params)) {
            assertThat(
                            stream.stream()
                                    .flatMap(chunk -> chunk.choices().stream())
                                    .filter(choice -> choice.index() == 0)
                                    .map(CompletionChoice::text)
                                    .reduce("", String::concat))
                    .isEqualTo(" Leo is in the");
        }
    }

    @ParameterizedTest
    @MethodSource("addresses")
    @SuppressWarnings("deprecation") // Of the client, and still in use.
    void shouldTellWhichRequestAnAnswerBelongsTo(String address) {
        try (HttpResponseFor<ChatCompletion> raw =
                client(address)
                        .chat()
                        .completions()
                        .withRawResponse()
                        .create(question().putAdditionalHeader("X-KvLink-Stats", "1").build())) {
            assertThat(raw.statusCode()).isEqualTo(200);
            assertThat(raw.requestId()).isPresent();
            Map<String, JsonValue> more = raw.parse()._additionalProperties();
            assertThat(more).containsKey("kvlink");
        }
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldThrowWhatTheClientsDocumentsSay(String address) {
        OpenAIClient client = client(address);
        NotFoundException model =
                catchThrowableOfType(
                        NotFoundException.class,
                        () -> client.chat().completions().create(question().model("no").build()));
        assertThat(model.code()).contains("model_not_found");
        assertThat(model.param()).contains("model");
        assertThatThrownBy(() -> client.models().retrieve("no"))
                .isInstanceOf(NotFoundException.class);
        BadRequestException value =
                catchThrowableOfType(
                        BadRequestException.class,
                        () ->
                                client.chat()
                                        .completions()
                                        .create(question().temperature(-1.0).build()));
        assertThat(value.param()).contains("temperature");
        assertThat(value.type()).contains("invalid_request_error");
        BadRequestException length =
                catchThrowableOfType(
                        BadRequestException.class,
                        () ->
                                client.chat()
                                        .completions()
                                        .create(
                                                question()
                                                        .addUserMessage("word ".repeat(3000))
                                                        .build()));
        assertThat(length.code()).contains("context_length_exceeded");
        assertThatThrownBy(
                        () ->
                                client.chat()
                                        .completions()
                                        .createStreaming(question().model("no").build()))
                .isInstanceOf(NotFoundException.class);
        CompletableFuture<ChatCompletion> async =
                client.async().chat().completions().create(question().model("no").build());
        assertThatThrownBy(async::join)
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(NotFoundException.class);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldThrowWhatEndsAStream(String address) {
        ChatCompletionCreateParams late =
                endless().putAdditionalBodyProperty("timeout", JsonValue.from(1)).build();
        try (StreamResponse<ChatCompletionChunk> stream =
                client(address).chat().completions().createStreaming(late)) {
            SseException failure =
                    catchThrowableOfType(
                            SseException.class, () -> stream.stream().forEach(chunk -> {}));
            assertThat(failure.code()).contains("request_timeout");
        }
    }

    /** The client repeats every other 5xx. */
    @Test
    void shouldNotRepeatWhatTookTooLong() throws Exception {
        String address = served.workerUrl();
        long before = served.ended(address, "timeout");
        OpenAIClient client = client(address).withOptions(options -> options.maxRetries(2));
        ChatCompletionCreateParams late =
                endless().putAdditionalBodyProperty("timeout", JsonValue.from(0.001)).build();
        InternalServerException failure =
                catchThrowableOfType(
                        InternalServerException.class,
                        () -> client.chat().completions().create(late));
        assertThat(failure.statusCode()).isEqualTo(504);
        assertThat(failure.code()).contains("request_timeout");
        assertThat(served.ended(address, "timeout")).isEqualTo(before + 1);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldFreeWhatAClosedStreamHeld(String address) throws Exception {
        OpenAIClient client = client(address);
        long before = served.cancelled(address);
        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(endless().build())) {
            assertThat(stream.stream().limit(3)).hasSize(3);
        }
        served.awaitCancelled(address, before + 1);
        AsyncStreamResponse<ChatCompletionChunk> stream =
                client.async().chat().completions().createStreaming(endless().build());
        stream.subscribe(chunk -> stream.close()).onCompleteFuture().get(60, TimeUnit.SECONDS);
        served.awaitCancelled(address, before + 2);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldFreeWhatTheClientNoLongerWaitsFor(String address) throws Exception {
        long before = served.cancelled(address);
        OpenAIClient hurried =
                client(address).withOptions(options -> options.timeout(Duration.ofSeconds(1)));
        assertThatThrownBy(() -> hurried.chat().completions().create(endless().build()))
                .isInstanceOf(OpenAIIoException.class);
        served.awaitCancelled(address, before + 1);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldAnswerManyAtOnce(String address) {
        OpenAIClient client = client(address);
        List<CompletableFuture<ChatCompletion>> answers =
                IntStream.range(0, 16)
                        .mapToObj(
                                i -> client.async().chat().completions().create(question().build()))
                        .toList();
        assertThat(answers)
                .allSatisfy(
                        answer ->
                                assertThat(
                                                answer.get(60, TimeUnit.SECONDS)
                                                        .choices()
                                                        .get(0)
                                                        .message()
                                                        .content()
                                                        .orElseThrow())
                                        .startsWith(ANSWER));
    }

    private OpenAIClient client(String address) {
        OpenAIClient client =
                OpenAIOkHttpClient.builder()
                        .apiKey("unused")
                        .baseUrl(address + "/v1")
                        .maxRetries(0)
                        .build();
        clients.add(client);
        return client;
    }

    private static ChatCompletionCreateParams.Builder question() {
        return ChatCompletionCreateParams.builder()
                .model(MODEL)
                .addUserMessage(QUESTION)
                .maxCompletionTokens(8)
                .temperature(0.0);
    }

    /** An answer that ends by itself only after more tokens than a check waits for. */
    private static ChatCompletionCreateParams.Builder endless() {
        return question()
                .maxCompletionTokens(900)
                .putAdditionalBodyProperty("ignore_eos", JsonValue.from(true));
    }
}
