// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import io.kvlink.djl.http.BlockingCompletions;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * Answers requests that come through DJL itself, {@code /predictions/<model>} say. An {@link Input}
 * has the JSON body of a completion's or a chat's request. The {@link Output} has the completion or
 * error object, or the events of a stream. The thread waits for the answer, or for a stream's first
 * token; no translator is used.
 *
 * @param <I> {@link Input}, or nothing works
 * @param <O> {@link Output}
 */
final class KvLinkPredictor<I, O> extends Predictor<I, O> {

    private final BlockingCompletions completions;

    KvLinkPredictor(
            Model model,
            Translator<I, O> translator,
            Device device,
            BlockingCompletions completions) {
        super(model, translator, device, false);
        this.completions = completions;
    }

    /** {@inheritDoc} */
    @Override
    @SuppressWarnings("unchecked")
    public List<O> batchPredict(List<I> inputs) throws TranslateException {
        List<O> outputs = new ArrayList<>(inputs.size());
        for (I input : inputs) {
            if (!(input instanceof Input request)) {
                throw new TranslateException(
                        "input=%s; KvLink models take %s and give %s"
                                .formatted(
                                        input == null ? null : input.getClass().getName(),
                                        Input.class.getName(),
                                        Output.class.getName()));
            }
            outputs.add((O) answer(request));
        }
        return outputs;
    }

    private Output answer(Input request) {
        byte[] body = request.getContent().isEmpty() ? new byte[0] : request.getData().getAsBytes();
        BlockingCompletions.Reply reply =
                completions.answer(body, requestId(request), request::isCancelled);
        Output output = new Output(reply.status(), reply.status() == 200 ? "OK" : "error");
        if (reply.events().isPresent()) {
            output.addProperty("Content-Type", "text/event-stream; charset=utf-8");
            output.add(reply.events().get());
        } else {
            output.addProperty("Content-Type", "application/json");
            output.add(reply.json().getBytes(StandardCharsets.UTF_8));
        }
        return output;
    }

    /** The client's own id carries the route; DJL Serving adds one of its own as requestId. */
    private static String requestId(Input request) {
        return request.getProperties().entrySet().stream()
                .filter(header -> header.getKey().equalsIgnoreCase("X-Request-Id"))
                .map(header -> header.getValue())
                .findFirst()
                .orElseGet(() -> UUID.randomUUID().toString());
    }
}
