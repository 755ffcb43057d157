// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples.client;

import com.openai.errors.NotFoundException;
import java.io.PrintStream;
import java.util.Objects;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.client.advisor.MessageChatMemoryAdvisor;
import org.springframework.ai.chat.client.advisor.SimpleLoggerAdvisor;
import org.springframework.ai.chat.memory.ChatMemory;
import org.springframework.ai.chat.memory.MessageWindowChatMemory;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.openai.OpenAiChatModel;
import org.springframework.ai.openai.OpenAiChatOptions;

/** Spring AI's chat model and chat client; only the address and the model are ours. */
public final class SpringAi {

    private static final PrintStream OUT = System.out;
    private static final String MODEL = "base_model";
    private static final String QUESTION =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";

    private final OpenAiChatModel model;

    private SpringAi(String address) {
        model =
                OpenAiChatModel.builder()
                        .options(
                                OpenAiChatOptions.builder()
                                        .baseUrl(address)
                                        .apiKey("unused")
                                        .model(MODEL)
                                        .temperature(0.0)
                                        .maxTokens(8)
                                        .build())
                        .build();
    }

    /**
     * Runs the example.
     *
     * @param args where the server is
     */
    public static void main(String[] args) {
        SpringAi example = new SpringAi(args.length > 0 ? args[0] : "http://127.0.0.1:10001/v1");
        example.call();
        example.stream();
        example.chatClient();
        example.error();
        // The client's idle threads would keep the JVM for a minute.
        System.exit(0);
    }

    private void call() {
        ChatResponse response = model.call(new Prompt(QUESTION));
        OUT.println("call:" + Objects.requireNonNull(response.getResult()).getOutput().getText());
        OUT.println("tokens: " + response.getMetadata().getUsage().getTotalTokens());
    }

    private void stream() {
        OUT.print("stream:");
        model.stream(QUESTION).doOnNext(OUT::print).blockLast();
        OUT.println();
    }

    /** A client with advisors: one remembers the conversation, one logs it. */
    private void chatClient() {
        ChatMemory memory = MessageWindowChatMemory.builder().maxMessages(10).build();
        ChatClient client =
                ChatClient.builder(model)
                        .defaultSystem("Be short.")
                        .defaultAdvisors(
                                MessageChatMemoryAdvisor.builder(memory).build(),
                                new SimpleLoggerAdvisor())
                        .build();
        for (String question :
                new String[] {QUESTION, "Question: Where is Mia? Answer:", "Question: Why?"}) {
            String answer =
                    client.prompt()
                            .user(question)
                            .advisors(spec -> spec.param(ChatMemory.CONVERSATION_ID, "one"))
                            .options(OpenAiChatOptions.builder().seed(7))
                            .call()
                            .content();
            OUT.println("client:" + answer);
        }
        OUT.println("remembered: " + memory.get("one").size());
        OUT.print("client streams:");
        client
                .prompt()
                .user(QUESTION)
                .advisors(spec -> spec.param(ChatMemory.CONVERSATION_ID, "two"))
                .stream()
                .content()
                .doOnNext(OUT::print)
                .blockLast();
        OUT.println();
    }

    private void error() {
        OpenAiChatOptions unknown = OpenAiChatOptions.builder().model("no-such-model").build();
        try {
            model.call(new Prompt(QUESTION, unknown));
        } catch (NotFoundException missing) {
            OUT.println("error: " + missing.statusCode() + " " + missing.code().orElse(""));
        }
    }
}
