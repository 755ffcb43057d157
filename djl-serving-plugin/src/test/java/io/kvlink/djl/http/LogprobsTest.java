// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.http.FakeGenerator.Submitted;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SampledToken.TokenLogprob;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** OpenAI's shapes, to the letter. */
class LogprobsTest {

    // A picked token that isn't among the two likeliest, and one that is.
    private static final SampledToken X =
            new SampledToken(
                    'x',
                    -2.5f,
                    List.of(new TokenLogprob('\u00e9', -.25f), new TokenLogprob('b', -1.5f)));
    private static final SampledToken Y =
            new SampledToken(
                    'y',
                    -.5f,
                    List.of(
                            new TokenLogprob('y', -.5f),
                            new TokenLogprob('c', Float.NEGATIVE_INFINITY)));

    private final FakeGenerator model = new FakeGenerator("m");
    @RegisterExtension final TestServer server = new TestServer(model);

    @Test
    void shouldTellThoseOfACompletion() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"prompt\":\"abc\",\"logprobs\":2}");
        Submitted submitted = model.next();
        assertThat(submitted.request.sampling().logprobs()).isEqualTo(2);
        submitted.token(X, "").token(Y, "xy", 1).finish(FinishReason.STOP, 2);
        assertThat(choice(TestServer.await(answer).body()).get("logprobs"))
                .hasToString(
                        "{\"text_offset\":[0,1],\"token_logprobs\":[-2.5,-0.5],"
                                + "\"tokens\":[\"x\",\"y\"],\"top_logprobs\":["
                                + "{\"\u00e9\":-0.25,\"b\":-1.5,\"x\":-2.5},"
                                + "{\"y\":-0.5,\"c\":-9999.0}]}");
    }

    @Test
    void shouldTellThoseOfAStreamedCompletion() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"prompt\":\"abc\",\"logprobs\":0,\"stream\":true}");
        SampledToken plain = new SampledToken('x', -2.5f, List.of());
        model.next().token(plain, "x").token(plain, "x", 1).finish(FinishReason.STOP, 2);
        String[] events = events(answer);
        assertThat(choice(events[0]).get("logprobs"))
                .hasToString(
                        "{\"text_offset\":[0],\"token_logprobs\":[-2.5],\"tokens\":[\"x\"],"
                                + "\"top_logprobs\":[{\"x\":-2.5}]}");
        assertThat(choice(events[1]).getAsJsonObject("logprobs").get("text_offset"))
                .hasToString("[1]");
        assertThat(choice(events[2]).get("logprobs").isJsonNull()).isTrue();
    }

    @Test
    void shouldTellThoseOfAChat() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                ChatTest.chat(
                        server,
                        model,
                        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
                                + "\"logprobs\":true,\"top_logprobs\":2}");
        model.next().token(X, "x").finish(FinishReason.STOP, 1);
        assertThat(choice(TestServer.await(answer).body()).get("logprobs"))
                .hasToString(
                        "{\"content\":[{\"token\":\"x\",\"logprob\":-2.5,\"bytes\":[120],"
                                + "\"top_logprobs\":[{\"token\":\"\u00e9\",\"logprob\":-0.25,"
                                + "\"bytes\":[195,169]},{\"token\":\"b\",\"logprob\":-1.5,"
                                + "\"bytes\":[98]}]}],\"refusal\":null}");
    }

    @Test
    void shouldTellThoseOfAStreamedChat() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                ChatTest.chat(
                        server,
                        model,
                        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
                                + "\"logprobs\":true,\"stream\":true}");
        model.next()
                .token(new SampledToken('x', -2.5f, List.of()), "x")
                .finish(FinishReason.STOP, 1);
        String[] events = events(answer);
        assertThat(choice(events[0]).get("logprobs").isJsonNull()).isTrue();
        assertThat(choice(events[1]).get("logprobs"))
                .hasToString(
                        "{\"content\":[{\"token\":\"x\",\"logprob\":-2.5,\"bytes\":[120],"
                                + "\"top_logprobs\":[]}],\"refusal\":null}");
        assertThat(choice(events[2]).get("logprobs").isJsonNull()).isTrue();
    }

    @Test
    void shouldTellNoneUnasked() throws Exception {
        CompletableFuture<HttpResponse<String>> answer = server.complete("{\"prompt\":\"abc\"}");
        Submitted submitted = model.next();
        assertThat(submitted.request.sampling().logprobs()).isEqualTo(-1);
        submitted.text("x").finish(FinishReason.STOP, 1);
        assertThat(choice(TestServer.await(answer).body()).get("logprobs").isJsonNull()).isTrue();
    }

    private static String[] events(CompletableFuture<HttpResponse<String>> answer)
            throws Exception {
        String[] events = TestServer.await(answer).body().split("\n\n", -1);
        for (int i = 0; i < events.length; i++) {
            events[i] = events[i].replaceFirst("^data: ", "");
        }
        return events;
    }

    private static JsonObject choice(String json) {
        return JsonParser.parseString(json)
                .getAsJsonObject()
                .getAsJsonArray("choices")
                .get(0)
                .getAsJsonObject();
    }
}
