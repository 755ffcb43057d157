// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.text.TextBound;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.TransferRoute;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Makes the generation requests of one client's request, {@code n} of each prompt. The answers of a
 * prompt differ by their seeds: the request's, and those after it. Prompt i is transfer i of the
 * request's id, and its first answer takes it; the others compute the prompt themselves.
 */
public final class RequestBuilder {

    private static final int DEFAULT_MAX_TOKENS = 16;

    private final Endpoint endpoint;
    private final TextGenerator generator;
    private final GenerationOptions options;
    private final String requestId;
    private final SamplingParams sampling;

    /**
     * Builds nothing yet.
     *
     * @param endpoint where the request was sent
     * @param generator the model asked
     * @param options what is asked for
     * @param requestId the client's, or a generated one
     */
    public RequestBuilder(
            Endpoint endpoint,
            TextGenerator generator,
            GenerationOptions options,
            String requestId) {
        this.endpoint = endpoint;
        this.generator = generator;
        this.options = options;
        this.requestId = requestId;
        this.sampling =
                options.sampling()
                        .resolve(
                                generator.defaults(),
                                options.logprobs().orElse(SamplingParams.NO_LOGPROBS));
    }

    /** Refuses a text that is too long for any prompt, before anybody tokenises it. */
    public void requireShort(String text) {
        long bytes = TextBound.bytes(text);
        if (bytes > generator.maxPromptBytes()) {
            throw tooLong(
                    "prompt_bytes=%d max_prompt_bytes=%d; refused before it was tokenised; shorten the prompt"
                            .formatted(bytes, generator.maxPromptBytes()));
        }
    }

    /** Refuses a prompt that is empty, or leaves no room for its answer. */
    public void requireFits(int[] promptTokens) {
        if (promptTokens.length == 0) {
            throw ApiException.invalid(
                    param(), null, "a prompt has no tokens; expected at least one");
        }
        int unused = maxTokens(promptTokens.length);
    }

    /**
     * Makes the requests: those of the first prompt, then those of the second, …
     *
     * @param echoes one for each prompt; empty if no answer begins with its prompt
     */
    public List<GenerationRequest> build(List<int[]> prompts, List<Echo> echoes) {
        List<GenerationRequest> requests = new ArrayList<>(prompts.size() * options.choices());
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            int maxTokens = maxTokens(prompts.get(prompt).length);
            Optional<TransferRoute> route = route(requestId, prompt);
            boolean joins = !echoes.isEmpty() && echoes.get(prompt).joins();
            for (int choice = 0; choice < options.choices(); choice++) {
                requests.add(
                        new GenerationRequest(
                                requestId + "-" + requests.size(),
                                choice == 0 ? route : Optional.empty(),
                                prompts.get(prompt),
                                maxTokens,
                                Math.min(options.minTokens(), maxTokens),
                                sampling.withSeed(sampling.seed() + choice),
                                options.stop(),
                                options.stopTokens(),
                                options.ignoreEos(),
                                options.timeout(),
                                joins));
            }
        }
        return List.copyOf(requests);
    }

    /** The way of a prompt's KV, if the request's id holds one. */
    public static Optional<TransferRoute> route(String requestId, int prompt) {
        try {
            return TransferRoute.find(requestId, prompt);
        } catch (KvConnectorException cause) {
            throw ApiException.invalid(
                    "X-Request-Id",
                    "bad_route",
                    cause.error()
                            + "("
                            + cause.error().number()
                            + "): X-Request-Id; expected"
                            + " ___prefill_addr_HOST:PORT___decode_addr_HOST:PORT_<32 hex digits>");
        }
    }

    private int maxTokens(int promptTokens) {
        if (promptTokens > generator.maxPromptTokens()) {
            throw tooLong(
                    "prompt_tokens=%d max_prompt_tokens=%d; shorten the prompt"
                            .formatted(promptTokens, generator.maxPromptTokens()));
        }
        int room = generator.contextLength() - promptTokens;
        int asked = options.maxTokens().orElseGet(() -> defaultMaxTokens(promptTokens));
        if (asked <= room) {
            return asked;
        }
        String message =
                "prompt_tokens=%d max_tokens=%d context_length=%d; shorten the prompt or the answer"
                        .formatted(promptTokens, asked, generator.contextLength());
        throw room > 0
                ? ApiException.invalid("max_tokens", "context_length_exceeded", message)
                : tooLong(message);
    }

    /**
     * Limit that the model's authors set, else 16 as OpenAI does, or for a chat all that there is.
     */
    private int defaultMaxTokens(int promptTokens) {
        int room = Math.max(1, generator.maxTokens() - promptTokens);
        int wanted = endpoint == Endpoint.CHAT ? room : DEFAULT_MAX_TOKENS;
        return Math.min(room, generator.defaults().maxNewTokens().orElse(wanted));
    }

    private ApiException tooLong(String message) {
        return ApiException.invalid(param(), "context_length_exceeded", message);
    }

    private String param() {
        return endpoint == Endpoint.CHAT ? "messages" : "prompt";
    }
}
