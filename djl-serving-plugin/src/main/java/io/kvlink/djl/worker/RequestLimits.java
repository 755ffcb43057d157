// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationException.Kind;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.worker.config.WorkerConfig;

/** Limits of a request. */
final class RequestLimits {

    private RequestLimits() {}

    /**
     * Most tokens of a prompt and its answer: the request's wish, cut to the model's context and
     * the worker's limit.
     *
     * @throws GenerationException if it can't be answered at all
     */
    static int tokenLimit(
            GenerationRequest request, WorkerConfig config, WorkerResources resources) {
        int prompt = request.promptTokens().length;
        int context = resources.model().contextLength();
        require(prompt > 0, request, "promptTokens=0; expected 1 or more");
        require(
                prompt < context,
                request,
                "promptTokens=%d contextLength=%d; expected a shorter prompt"
                        .formatted(prompt, context));
        require(
                request.maxTokens() > 0,
                request,
                "max_tokens=%d; expected 1 or more".formatted(request.maxTokens()));
        require(
                request.minTokens() >= 0,
                request,
                "min_tokens=%d; expected 0 or more".formatted(request.minTokens()));
        require(
                prompt <= config.surface().maxPromptTokens(),
                request,
                "promptTokens=%d max_prompt_tokens=%d; expected a shorter prompt"
                        .formatted(prompt, config.surface().maxPromptTokens()));
        requireKnown(request, resources.model().vocabSize());
        int answer = Math.min(request.maxTokens(), config.maxAnswerTokens());
        int limit = (int) Math.min(context, (long) prompt + answer);
        int blocks = KvMemory.blocksFor(limit);
        int total = resources.memory().totalBlocks();
        require(
                blocks <= total,
                request,
                "promptTokens=%d max_tokens=%d kv_cache_tokens=%d; expected no more than that together"
                        .formatted(prompt, limit - prompt, total * KvMemory.BLOCK_TOKENS));
        return limit;
    }

    private static void requireKnown(GenerationRequest request, int vocabSize) {
        for (int token : request.promptTokens()) {
            if (token < 0 || token >= vocabSize) {
                require(false, request, "token=%d; expected 0..%d".formatted(token, vocabSize - 1));
            }
        }
        for (int token : request.sampling().logitBias().keySet()) {
            require(
                    token < vocabSize,
                    request,
                    "logit_bias: token=%d; expected 0..%d".formatted(token, vocabSize - 1));
        }
    }

    private static void require(boolean met, GenerationRequest request, String detail) {
        if (!met) {
            throw new GenerationException(
                    Kind.INVALID, "request=%s %s".formatted(request.requestId(), detail));
        }
    }
}
