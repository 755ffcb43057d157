// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.errors.BadRequestException;
import com.openai.errors.InternalServerException;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIIoException;
import com.openai.errors.RateLimitException;
import com.openai.errors.SseException;
import io.kvlink.proxy.ProxyServer;
import io.kvlink.samples.FullModel;
import io.kvlink.samples.ProgramRun;
import io.kvlink.samples.ServedModel;
import java.nio.file.Path;
import java.time.Duration;
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
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.SystemMessage;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.chat.metadata.Usage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.openai.OpenAiChatModel;
import org.springframework.ai.openai.OpenAiChatOptions;

/** Spring AI, which uses OpenAI's Java client, against a worker and through the proxy. */
class SpringAiTest {

    private static final Path SAMPLES = Path.of("../..");
    private static final String MODEL = "base_model";
    private static final String QUESTION =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";
    private static final String ANSWER = " Leo is in the attic.";
    private static final Duration MINUTE = Duration.ofMinutes(1);

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
        assertThat(ProgramRun.ofExample(SpringAi.class, address + "/v1"))
                .contains("call:" + ANSWER, "tokens: 31", "stream:" + ANSWER)
                .contains("client:" + ANSWER, "client: Mia is on the hill.", "remembered: 6")
                .contains("client streams:" + ANSWER, "error: 404 model_not_found");
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldTakeEveryFieldThatAsksForNothingMore(String address) {
        OpenAiChatModel model =
                model(
                        options(address)
                                .n(2)
                                .seed(7)
                                .topP(0.9)
                                .stop(List.of("attic"))
                                .presencePenalty(0.5)
                                .frequencyPenalty(0.5)
                                .logitBias(Map.of("5", -100))
                                .logprobs(true)
                                .topLogprobs(2)
                                .outputModalities(List.of("text"))
                                .responseFormat(
                                        OpenAiChatModel.ResponseFormat.builder()
                                                .type(OpenAiChatModel.ResponseFormat.Type.TEXT)
                                                .build())
                                .parallelToolCalls(true)
                                .store(false)
                                .user("somebody")
                                .metadata(Map.of("who", "me"))
                                .serviceTier("auto")
                                .reasoningEffort("low")
                                .verbosity("medium")
                                .promptCacheKey("key")
                                .extraBody(Map.of("top_k", 40, "repetition_penalty", 1.0)));
        ChatResponse response =
                model.call(
                        new Prompt(
                                new SystemMessage("Be short."),
                                new UserMessage("Question: Where is Mia? Answer:"),
                                new AssistantMessage(" Mia is on the hill."),
                                new UserMessage(QUESTION)));
        assertThat(response.getResults()).hasSize(2);
        assertThat(response.getResults().get(0).getMetadata().getFinishReason()).isNotNull();
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldStreamTokenByToken(String address) {
        List<ChatResponse> chunks =
                model(options(address).streamUsage(true)).stream(new Prompt(QUESTION))
                        .collectList()
                        .block(MINUTE);
        List<String> pieces =
                chunks.stream()
                        .flatMap(chunk -> chunk.getResults().stream())
                        .map(result -> result.getOutput().getText())
                        .filter(text -> text != null && !text.isEmpty())
                        .toList();
        assertThat(pieces).hasSize(8);
        assertThat(String.join("", pieces)).startsWith(ANSWER);
        Usage usage = chunks.get(chunks.size() - 1).getMetadata().getUsage();
        assertThat(usage.getCompletionTokens()).isEqualTo(8);
        assertThat(usage.getPromptTokens()).isEqualTo(23);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldServeTheChatClient(String address) {
        ChatClient client = ChatClient.create(model(options(address)));
        ChatResponse response = client.prompt(QUESTION).call().chatResponse();
        assertThat(response.getResult().getOutput().getText()).startsWith(ANSWER);
        assertThat(
                        client
                                .prompt()
                                .user(user -> user.text("{facts} Answer:").param("facts", QUESTION))
                                .stream()
                                .content()
                                .collectList()
                                .block(MINUTE))
                .hasSizeGreaterThan(3);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldThrowWhatTheClientsDocumentsSay(String address) {
        OpenAiChatModel unknown = model(options(address).model("no"));
        assertThatThrownBy(() -> unknown.call(QUESTION)).isInstanceOf(NotFoundException.class);
        assertThatThrownBy(() -> unknown.stream(QUESTION).blockLast(MINUTE))
                .hasStackTraceContaining(NotFoundException.class.getName());
        OpenAiChatModel wrong = model(options(address).temperature(-1.0));
        assertThatThrownBy(() -> wrong.call(QUESTION))
                .isInstanceOf(BadRequestException.class)
                .hasMessageContaining("temperature");
        assertThatThrownBy(() -> model(options(address)).call("word ".repeat(3000)))
                .isInstanceOf(BadRequestException.class)
                .hasMessageContaining("prompt");
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldHearOfWhatEndsAStream(String address) {
        OpenAiChatModel late =
                model(
                        options(address)
                                .maxTokens(900)
                                .extraBody(Map.of("ignore_eos", true, "timeout", 1)));
        assertThatThrownBy(() -> late.stream(QUESTION).blockLast(MINUTE))
                .hasStackTraceContaining(SseException.class.getName());
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldFreeWhatACancelledStreamHeld(String address) throws Exception {
        long before = served.cancelled(address);
        OpenAiChatModel endless =
                model(options(address).maxTokens(900).extraBody(Map.of("ignore_eos", true)));
        assertThat(endless.stream(QUESTION).take(3).collectList().block(MINUTE)).hasSize(3);
        served.awaitCancelled(address, before + 1);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldFreeWhatTheClientNoLongerWaitsFor(String address) throws Exception {
        long before = served.cancelled(address);
        OpenAiChatModel hurried =
                model(
                        options(address)
                                .timeout(Duration.ofSeconds(1))
                                .maxTokens(900)
                                .extraBody(Map.of("ignore_eos", true)));
        assertThatThrownBy(() -> hurried.call(QUESTION)).isInstanceOf(OpenAIIoException.class);
        served.awaitCancelled(address, before + 1);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldAnswerManyAtOnce(String address) {
        OpenAiChatModel model = model(options(address));
        List<CompletableFuture<String>> answers =
                IntStream.range(0, 16)
                        .mapToObj(i -> CompletableFuture.supplyAsync(() -> model.call(QUESTION)))
                        .toList();
        assertThat(answers)
                .allSatisfy(
                        answer -> assertThat(answer.get(60, TimeUnit.SECONDS)).startsWith(ANSWER));
    }

    @Test
    void shouldWaitForAFullQueue() throws Exception {
        try (FullModel full = FullModel.start(SAMPLES)) {
            OpenAiChatModel hasty = model(options(full.url()).model(FullModel.NAME));
            assertThatThrownBy(() -> hasty.call(QUESTION)).isInstanceOf(RateLimitException.class);
            OpenAiChatModel patient =
                    model(options(full.url()).model(FullModel.NAME).maxRetries(10));
            CompletableFuture<String> answer =
                    CompletableFuture.supplyAsync(() -> patient.call(QUESTION));
            full.empty();
            assertThat(answer.get(60, TimeUnit.SECONDS)).startsWith(ANSWER);
        }
    }

    @Test
    void shouldTellThatNoInstanceIsThere() {
        try (ProxyServer proxy = ServedModel.lonelyProxy()) {
            OpenAiChatModel model = model(options("http://" + proxy.http()));
            assertThatThrownBy(() -> model.call(QUESTION))
                    .isInstanceOf(InternalServerException.class)
                    .hasMessageContaining("503");
        }
    }

    private static OpenAiChatModel model(OpenAiChatOptions.Builder options) {
        return OpenAiChatModel.builder().options(options.build()).build();
    }

    private static OpenAiChatOptions.Builder options(String address) {
        return OpenAiChatOptions.builder()
                .baseUrl(address + "/v1")
                .apiKey("unused")
                .model(MODEL)
                .temperature(0.0)
                .maxTokens(8)
                .maxRetries(0);
    }
}
