// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples.client;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.AsyncStreamResponse;
import com.openai.core.http.StreamResponse;
import com.openai.errors.NotFoundException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.models.Model;
import java.io.PrintStream;
import java.util.concurrent.CompletableFuture;

/** OpenAI's Java client, as its README uses it; only the address and the model are ours. */
public final class OpenAiJava {

    private static final PrintStream OUT = System.out;
    private static final String MODEL = "base_model";
    private static final String QUESTION =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";

    private final OpenAIClient client;

    private OpenAiJava(OpenAIClient client) {
        this.client = client;
    }

    /**
     * Runs the example.
     *
     * @param args where the server is
     */
    public static void main(String[] args) {
        OpenAIClient client =
                OpenAIOkHttpClient.builder()
                        .apiKey("unused")
                        .baseUrl(args.length > 0 ? args[0] : "http://127.0.0.1:10001/v1")
                        .build();
        OpenAiJava example = new OpenAiJava(client);
        example.models();
        example.completion();
        example.chat();
        example.conversation();
        example.stream();
        example.async();
        example.cancel();
        example.error();
        client.close();
    }

    private void models() {
        for (Model model : client.models().list().autoPager()) {
            OUT.println("model: " + model.id());
        }
        OUT.println("retrieved: " + client.models().retrieve(MODEL).ownedBy());
    }

    private void completion() {
        CompletionCreateParams params =
                CompletionCreateParams.builder()
                        .model(MODEL)
                        .prompt("Once upon a time")
                        .maxTokens(8)
                        .temperature(0.0)
                        .build();
        OUT.println("completion:" + client.completions().create(params).choices().get(0).text());
    }

    private void chat() {
        ChatCompletion answer = client.chat().completions().create(question().build());
        OUT.println("chat:" + answer.choices().get(0).message().content().orElse(""));
        OUT.println("tokens: " + answer.usage().orElseThrow().totalTokens());
    }

    /** Each answer becomes part of the next question. */
    private void conversation() {
        ChatCompletionCreateParams.Builder talk = question().addDeveloperMessage("Be short.");
        for (int turn = 0; turn < 3; turn++) {
            ChatCompletion answer = client.chat().completions().create(talk.build());
            answer.choices().forEach(choice -> talk.addMessage(choice.message()));
            talk.addUserMessage("Question: Where is Mia? Answer:");
            OUT.println(
                    "turn " + turn + ":" + answer.choices().get(0).message().content().orElse(""));
        }
    }

    private void stream() {
        ChatCompletionCreateParams params =
                question()
                        .streamOptions(
                                ChatCompletionStreamOptions.builder().includeUsage(true).build())
                        .build();
        ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
        OUT.print("stream:");
        try (StreamResponse<ChatCompletionChunk> response =
                client.chat().completions().createStreaming(params)) {
            response.stream()
                    .peek(whole::accumulate)
                    .flatMap(chunk -> chunk.choices().stream())
                    .flatMap(choice -> choice.delta().content().stream())
                    .forEach(OUT::print);
        }
        OUT.println();
        OUT.println("accumulated: " + whole.chatCompletion().usage().orElseThrow().totalTokens());
    }

    private void async() {
        CompletableFuture<ChatCompletion> answer =
                client.async().chat().completions().create(question().build());
        StringBuilder streamed = new StringBuilder();
        AsyncStreamResponse<ChatCompletionChunk> stream =
                client.async().chat().completions().createStreaming(question().build());
        stream.subscribe(
                        chunk ->
                                chunk.choices().stream()
                                        .flatMap(choice -> choice.delta().content().stream())
                                        .forEach(streamed::append))
                .onCompleteFuture()
                .join();
        OUT.println("async:" + answer.join().choices().get(0).message().content().orElse(""));
        OUT.println("async stream:" + streamed);
    }

    /** Closing a stream ends the answer on the server, too. */
    private void cancel() {
        ChatCompletionCreateParams params = question().maxCompletionTokens(500).build();
        try (StreamResponse<ChatCompletionChunk> response =
                client.chat().completions().createStreaming(params)) {
            OUT.println("cancelled after: " + response.stream().limit(3).count());
        }
    }

    private void error() {
        try {
            client.chat().completions().create(question().model("no-such-model").build());
        } catch (NotFoundException unknown) {
            OUT.println("error: " + unknown.statusCode() + " " + unknown.code().orElse(""));
        }
    }

    private static ChatCompletionCreateParams.Builder question() {
        return ChatCompletionCreateParams.builder()
                .model(MODEL)
                .addUserMessage(QUESTION)
                .maxCompletionTokens(8)
                .temperature(0.0);
    }
}
