// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples.client;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiLanguageModel;
import dev.langchain4j.model.openai.OpenAiModelCatalog;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.TokenStream;
import java.io.PrintStream;
import java.util.concurrent.CompletableFuture;

/** LangChain4j's OpenAI models and AI services; only the address and the model are ours. */
public final class LangChain4j {

    private static final PrintStream OUT = System.out;
    private static final String MODEL = "base_model";
    private static final String QUESTION =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";

    /** The service that LangChain4j makes an implementation of. */
    interface Assistant {

        String chat(String message);

        @dev.langchain4j.service.SystemMessage("Be short.")
        TokenStream stream(String message);
    }

    private final String address;
    private final ChatModel model;
    private final StreamingChatModel streaming;

    private LangChain4j(String address) {
        this.address = address;
        model =
                OpenAiChatModel.builder()
                        .baseUrl(address)
                        .apiKey("unused")
                        .modelName(MODEL)
                        .temperature(0.0)
                        .maxCompletionTokens(8)
                        .build();
        streaming =
                OpenAiStreamingChatModel.builder()
                        .baseUrl(address)
                        .apiKey("unused")
                        .modelName(MODEL)
                        .temperature(0.0)
                        .maxCompletionTokens(8)
                        .build();
    }

    /**
     * Runs the example.
     *
     * @param args where the server is
     */
    public static void main(String[] args) {
        LangChain4j example =
                new LangChain4j(args.length > 0 ? args[0] : "http://127.0.0.1:10001/v1");
        example.models();
        example.completion();
        example.chat();
        example.assistant();
        example.error();
    }

    private void models() {
        OpenAiModelCatalog catalog =
                OpenAiModelCatalog.builder().baseUrl(address).apiKey("unused").build();
        catalog.listModels().forEach(known -> OUT.println("model: " + known.name()));
    }

    private void completion() {
        OpenAiLanguageModel language =
                OpenAiLanguageModel.builder()
                        .baseUrl(address)
                        .apiKey("unused")
                        .modelName(MODEL)
                        .temperature(0.0)
                        .build();
        OUT.println("completion:" + language.generate("Once upon a time").content());
    }

    private void chat() {
        OUT.println("chat:" + model.chat(QUESTION));
        ChatResponse response =
                model.chat(SystemMessage.from("Be short."), UserMessage.from(QUESTION));
        OUT.println("finish: " + response.finishReason());
        OUT.println("tokens: " + response.tokenUsage().totalTokenCount());
    }

    /** An AI service that remembers the conversation, and streams. */
    private void assistant() {
        Assistant assistant =
                AiServices.builder(Assistant.class)
                        .chatModel(model)
                        .streamingChatModel(streaming)
                        .chatMemory(MessageWindowChatMemory.withMaxMessages(10))
                        .build();
        OUT.println("assistant:" + assistant.chat(QUESTION));
        CompletableFuture<ChatResponse> done = new CompletableFuture<>();
        OUT.print("assistant streams:");
        assistant.stream("Question: Where is Mia? Answer:")
                .onPartialResponse(OUT::print)
                .onCompleteResponse(done::complete)
                .onError(done::completeExceptionally)
                .start();
        ChatResponse response = done.join();
        OUT.println();
        OUT.println("streamed tokens: " + response.tokenUsage().outputTokenCount());
    }

    private void error() {
        ChatModel unknown =
                OpenAiChatModel.builder()
                        .baseUrl(address)
                        .apiKey("unused")
                        .modelName("no-such-model")
                        .build();
        try {
            unknown.chat(QUESTION);
        } catch (ModelNotFoundException missing) {
            OUT.println("error: " + missing.getMessage());
        }
    }
}
