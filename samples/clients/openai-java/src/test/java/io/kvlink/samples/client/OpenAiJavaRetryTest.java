// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.InternalServerException;
import com.openai.errors.RateLimitException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import io.kvlink.proxy.ProxyServer;
import io.kvlink.samples.FullModel;
import io.kvlink.samples.ServedModel;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** OpenAI's Java client against servers that can't take its request now. */
class OpenAiJavaRetryTest {

    private static final Path SAMPLES = Path.of("../..");
    private static final ChatCompletionCreateParams PARAMS =
            ChatCompletionCreateParams.builder()
                    .model(FullModel.NAME)
                    .addUserMessage("Once upon a time")
                    .maxCompletionTokens(8)
                    .build();

    @Test
    void shouldWaitAsAFullQueueSays() throws Exception {
        try (FullModel full = FullModel.start(SAMPLES)) {
            OpenAIClient client = client(full.url());
            RateLimitException refused =
                    catchThrowableOfType(
                            RateLimitException.class,
                            () -> client.chat().completions().create(PARAMS));
            assertThat(refused.headers().values("Retry-After")).containsExactly("1");
            assertThat(refused.type()).contains("rate_limit_error");
            assertThatThrownBy(() -> client.chat().completions().createStreaming(PARAMS))
                    .isInstanceOf(RateLimitException.class);
            CompletableFuture<ChatCompletion> patient =
                    client.withOptions(options -> options.maxRetries(20))
                            .async()
                            .chat()
                            .completions()
                            .create(PARAMS);
            full.empty();
            assertThat(patient.get(60, TimeUnit.SECONDS).choices()).hasSize(1);
        }
    }

    @Test
    void shouldTellThatNoInstanceIsThere() {
        try (ProxyServer proxy = ServedModel.lonelyProxy()) {
            OpenAIClient client = client("http://" + proxy.http());
            InternalServerException refused =
                    catchThrowableOfType(
                            InternalServerException.class,
                            () -> client.chat().completions().create(PARAMS));
            assertThat(refused.statusCode()).isEqualTo(503);
            assertThat(refused.headers().values("Retry-After")).containsExactly("3");
        }
    }

    private static OpenAIClient client(String address) {
        return OpenAIOkHttpClient.builder()
                .apiKey("unused")
                .baseUrl(address + "/v1")
                .maxRetries(0)
                .build();
    }
}
