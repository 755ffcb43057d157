// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiChatModel.OpenAiChatModelBuilder;
import dev.langchain4j.model.openai.OpenAiChatRequestParameters;
import dev.langchain4j.model.openai.OpenAiChatResponseMetadata;
import dev.langchain4j.model.openai.OpenAiLanguageModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel.OpenAiStreamingChatModelBuilder;
import dev.langchain4j.model.openai.OpenAiStreamingLanguageModel;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.Response;
import io.kvlink.proxy.ProxyServer;
import io.kvlink.samples.FullModel;
import io.kvlink.samples.ProgramRun;
import io.kvlink.samples.ServedModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
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

/** LangChain4j with its own HTTP client, the JDK's, against a worker and through the proxy. */
class LangChain4jTest {

    private static final Path SAMPLES = Path.of("../..");
    private static final String MODEL = "base_model";
    private static final String QUESTION =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";
    private static final String ANSWER = " Leo is in the attic.";

    private static ServedModel served;

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
        served.assertAtRest();
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldRunTheExample(String address) throws Exception {
        assertThat(ProgramRun.ofExample(LangChain4j.class, address + "/v1"))
                .contains("model: base_model", "completion: there was", "chat:" + ANSWER)
                .contains("finish: LENGTH", "tokens: 38", "assistant:" + ANSWER)
                .contains("assistant streams: Mia is on the hill.", "streamed tokens: 7")
                .contains("error: {\"error\":{\"message\":\"model=no-such-model");
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldTakeEveryFieldThatAsksForNothingMore(String address) {
        ChatModel model =
                chat(address)
                        .seed(7)
                        .topP(0.9)
                        .stop(List.of("attic"))
                        .presencePenalty(0.5)
                        .frequencyPenalty(0.5)
                        .logitBias(Map.of("5", -100))
                        .logprobs(true)
                        .topLogprobs(2)
                        .responseFormat(ResponseFormat.TEXT)
                        .parallelToolCalls(true)
                        .store(false)
                        .user("somebody")
                        .metadata(Map.of("who", "me"))
                        .serviceTier("auto")
                        .reasoningEffort("low")
                        .returnThinking(true)
                        .customParameters(Map.of("top_k", 40))
                        .build();
        ChatResponse response =
                model.chat(
                        SystemMessage.from("Be short."),
                        UserMessage.from("somebody", QUESTION),
                        AiMessage.from(ANSWER),
                        UserMessage.from(
                                TextContent.from("Question:"),
                                TextContent.from("Where is Leo? Answer:")));
        assertThat(response.aiMessage().text()).isNotEmpty();
        assertThat(((OpenAiChatResponseMetadata) response.metadata()).logProbs())
                .isNotEmpty()
                .allMatch(token -> token.topLogprobs().size() == 2);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldTakeParametersOfOneRequest(String address) {
        ChatRequest request =
                ChatRequest.builder()
                        .messages(UserMessage.from(QUESTION))
                        .parameters(
                                OpenAiChatRequestParameters.builder()
                                        .modelName(MODEL)
                                        .maxOutputTokens(4)
                                        .temperature(0.0)
                                        .build())
                        .build();
        ChatResponse response = chat(address).maxCompletionTokens(null).build().chat(request);
        assertThat(response.aiMessage().text()).isEqualTo(" Leo is in the");
        assertThat(response.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(4);
        assertThat(response.modelName()).isEqualTo(MODEL);
        assertThat(response.id()).startsWith("chatcmpl-");
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldStreamTokenByToken(String address) throws Exception {
        Pieces pieces = new Pieces(Integer.MAX_VALUE);
        streaming(address).build().chat(QUESTION, pieces);
        ChatResponse whole = pieces.done.get(60, TimeUnit.SECONDS);
        assertThat(pieces.texts).hasSize(8);
        assertThat(String.join("", pieces.texts))
                .startsWith(ANSWER)
                .isEqualTo(whole.aiMessage().text());
        assertThat(whole.tokenUsage().outputTokenCount()).isEqualTo(8);
        assertThat(whole.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldServeLanguageModels(String address) throws Exception {
        OpenAiLanguageModel whole =
                OpenAiLanguageModel.builder()
                        .baseUrl(address + "/v1")
                        .apiKey("unused")
                        .modelName(MODEL)
                        .temperature(0.0)
                        .build();
        Response<String> answer = whole.generate(QUESTION);
        assertThat(answer.content()).startsWith(ANSWER);
        assertThat(answer.finishReason()).isNotNull();
        OpenAiStreamingLanguageModel streamed =
                OpenAiStreamingLanguageModel.builder()
                        .baseUrl(address + "/v1")
                        .apiKey("unused")
                        .modelName(MODEL)
                        .temperature(0.0)
                        .build();
        CompletableFuture<Response<String>> done = new CompletableFuture<>();
        streamed.generate(
                QUESTION,
                new dev.langchain4j.model.StreamingResponseHandler<>() {
                    @Override
                    public void onNext(String token) {}

                    @Override
                    public void onComplete(Response<String> response) {
                        done.complete(response);
                    }

                    @Override
                    public void onError(Throwable error) {
                        done.completeExceptionally(error);
                    }
                });
        Response<String> complete = done.get(60, TimeUnit.SECONDS);
        assertThat(complete.content()).isEqualTo(answer.content());
        assertThat(complete.tokenUsage()).isEqualTo(answer.tokenUsage());
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldThrowWhatTheClientsDocumentsSay(String address) {
        ChatModel unknown = chat(address).modelName("no").build();
        assertThatThrownBy(() -> unknown.chat(QUESTION))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("model_not_found");
        ChatModel wrong = chat(address).temperature(-1.0).build();
        assertThatThrownBy(() -> wrong.chat(QUESTION))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("temperature");
        ChatModel model = chat(address).build();
        assertThatThrownBy(() -> model.chat("word ".repeat(3000)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("context_length_exceeded");
        Pieces pieces = new Pieces(Integer.MAX_VALUE);
        streaming(address).modelName("no").build().chat(QUESTION, pieces);
        assertThatThrownBy(() -> pieces.done.get(60, TimeUnit.SECONDS))
                .hasCauseInstanceOf(ModelNotFoundException.class);
    }

    /** An answer that breaks off must not pass for a whole one. */
    @ParameterizedTest
    @MethodSource("addresses")
    void shouldHearOfWhatEndsAStream(String address) {
        Pieces pieces = new Pieces(Integer.MAX_VALUE);
        streaming(address)
                .maxCompletionTokens(900)
                .customParameters(Map.of("ignore_eos", true, "timeout", 1))
                .build()
                .chat(QUESTION, pieces);
        assertThatThrownBy(() -> pieces.done.get(60, TimeUnit.SECONDS))
                .hasStackTraceContaining("request_timeout");
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldFreeWhatACancelledStreamHeld(String address) throws Exception {
        long before = served.cancelled(address);
        Pieces pieces = new Pieces(3);
        streaming(address)
                .maxCompletionTokens(900)
                .customParameters(Map.of("ignore_eos", true))
                .build()
                .chat(QUESTION, pieces);
        served.awaitCancelled(address, before + 1);
        assertThat(pieces.texts).hasSize(3);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldFreeWhatTheClientNoLongerWaitsFor(String address) throws Exception {
        long before = served.cancelled(address);
        ChatModel hurried =
                chat(address)
                        .timeout(Duration.ofSeconds(1))
                        .maxRetries(0)
                        .maxCompletionTokens(900)
                        .customParameters(Map.of("ignore_eos", true))
                        .build();
        assertThatThrownBy(() -> hurried.chat(QUESTION)).isInstanceOf(TimeoutException.class);
        served.awaitCancelled(address, before + 1);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldAnswerManyAtOnce(String address) {
        ChatModel model = chat(address).build();
        List<CompletableFuture<String>> answers =
                IntStream.range(0, 16)
                        .mapToObj(i -> CompletableFuture.supplyAsync(() -> model.chat(QUESTION)))
                        .toList();
        assertThat(answers)
                .allSatisfy(
                        answer -> assertThat(answer.get(60, TimeUnit.SECONDS)).startsWith(ANSWER));
    }

    @Test
    void shouldWaitForAFullQueue() throws Exception {
        try (FullModel full = FullModel.start(SAMPLES)) {
            ChatModel hasty = chat(full.url()).modelName(FullModel.NAME).maxRetries(0).build();
            assertThatThrownBy(() -> hasty.chat(QUESTION)).isInstanceOf(RateLimitException.class);
            ChatModel patient = chat(full.url()).modelName(FullModel.NAME).maxRetries(10).build();
            CompletableFuture<String> answer =
                    CompletableFuture.supplyAsync(() -> patient.chat(QUESTION));
            full.empty();
            assertThat(answer.get(60, TimeUnit.SECONDS)).startsWith(ANSWER);
        }
    }

    @Test
    void shouldTellThatNoInstanceIsThere() {
        try (ProxyServer proxy = ServedModel.lonelyProxy()) {
            ChatModel model = chat("http://" + proxy.http()).maxRetries(0).build();
            assertThatThrownBy(() -> model.chat(QUESTION))
                    .isInstanceOf(InternalServerException.class)
                    .hasMessageContaining("error");
        }
    }

    private static OpenAiChatModelBuilder chat(String address) {
        return OpenAiChatModel.builder()
                .baseUrl(address + "/v1")
                .apiKey("unused")
                .modelName(MODEL)
                .temperature(0.0)
                .maxCompletionTokens(8);
    }

    private static OpenAiStreamingChatModelBuilder streaming(String address) {
        return OpenAiStreamingChatModel.builder()
                .baseUrl(address + "/v1")
                .apiKey("unused")
                .modelName(MODEL)
                .temperature(0.0)
                .maxCompletionTokens(8);
    }

    /** Takes so many pieces of a streamed answer, and then cancels it. */
    private static final class Pieces implements StreamingChatResponseHandler {

        private final int most;
        private final List<String> texts = new ArrayList<>();
        private final CompletableFuture<ChatResponse> done = new CompletableFuture<>();

        Pieces(int most) {
            this.most = most;
        }

        @Override
        public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
            texts.add(piece.text());
            if (texts.size() == most) {
                context.streamingHandle().cancel();
            }
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
            done.complete(response);
        }

        @Override
        public void onError(Throwable error) {
            done.completeExceptionally(error);
        }
    }
}
