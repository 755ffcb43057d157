// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.engine.Engine;
import ai.djl.serving.plugins.RequestHandler;
import io.kvlink.djl.http.FakeGenerator;
import io.kvlink.spi.KvConnectorException;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class PluginDefinitionTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @Test
    void shouldBeMadeAsDjlServingMakesIt() throws Exception {
        Properties definition = new Properties();
        try (InputStream in =
                KvLinkPlugin.class.getResourceAsStream("/META-INF/plugin.definition")) {
            definition.load(in);
        }
        assertThat(definition.getProperty("name")).isEqualTo("kvlink");
        Object plugin =
                Class.forName(definition.getProperty("export")).getConstructor().newInstance();
        assertThat(plugin).isInstanceOf(RequestHandler.class);
        assertThat(Engine.getEngine("KvLink")).isInstanceOf(KvLinkEngine.class);
        assertThat(Engine.getDefaultEngineName()).isEqualTo("PyTorch");
    }

    @Test
    void shouldAnswerOnAPortOfItsOwnIfItIsGivenOne() throws Exception {
        Workers workers = new Workers();
        HttpClient client = HttpClient.newHttpClient();
        FakeServerConfig.values = Map.of("kvlink_address", "http://127.0.0.1:0");
        try (KvLinkPlugin plugin =
                new KvLinkPlugin(
                        workers,
                        new ServerConfig(FakeServerConfig.class.getName()),
                        new ServerRegistry("no.such.Server"))) {
            URI models = URI.create("http://127.0.0.1:" + plugin.ownPort() + "/v1/models");
            HttpRequest request = HttpRequest.newBuilder(models).timeout(LIMIT).build();
            HttpResponse<String> none = client.send(request, BodyHandlers.ofString());
            assertThat(none.statusCode()).isEqualTo(404);
            assertThat(none.body()).contains("no KvLink model is loaded");
            workers.add(new FakeGenerator("m"), Optional.empty());
            HttpResponse<String> one = client.send(request, BodyHandlers.ofString());
            assertThat(one.statusCode()).isEqualTo(200);
            assertThat(one.body()).contains("\"id\":\"m\"");

            FakeServerConfig.values = Map.of("kvlink_address", "127.0.0.1:" + plugin.ownPort());
            assertThatThrownBy(
                            () ->
                                    new KvLinkPlugin(
                                            workers,
                                            new ServerConfig(FakeServerConfig.class.getName()),
                                            new ServerRegistry("no.such.Server")))
                    .isInstanceOf(KvConnectorException.class)
                    .hasMessageContaining("kvlink_address=127.0.0.1:" + plugin.ownPort())
                    .hasMessageContaining("is the port taken");
        }
    }

    @Test
    void shouldTakeBodiesOfEverySizeThatTheOptionAllows() throws Exception {
        Workers workers = new Workers();
        workers.add(new FakeGenerator("m"), Optional.empty());
        HttpClient client = HttpClient.newHttpClient();
        FakeServerConfig.values = Map.of("kvlink_address", "127.0.0.1:0");
        try (KvLinkPlugin plugin =
                new KvLinkPlugin(
                        workers,
                        new ServerConfig(FakeServerConfig.class.getName()),
                        new ServerRegistry("no.such.Server"))) {
            HttpRequest.Builder request =
                    HttpRequest.newBuilder(
                                    URI.create(
                                            "http://127.0.0.1:"
                                                    + plugin.ownPort()
                                                    + "/v1/completions"))
                            .timeout(LIMIT);
            byte[] spaces = new byte[67_108_865];
            Arrays.fill(spaces, (byte) ' ');
            HttpResponse<String> largest =
                    client.send(
                            request.POST(BodyPublishers.ofByteArray(spaces, 0, 67_108_864)).build(),
                            BodyHandlers.ofString());
            assertThat(largest.statusCode()).isEqualTo(400);
            assertThat(largest.body()).contains("the body is not JSON");

            HttpResponse<String> larger =
                    client.send(
                            request.POST(BodyPublishers.ofByteArray(spaces)).build(),
                            BodyHandlers.ofString());
            assertThat(larger.statusCode()).isEqualTo(413);
            assertThat(larger.body())
                    .isEqualTo(
                            "{\"error\":{\"message\":\"max_request_bytes=67108864 at most; send less\","
                                    + "\"type\":\"invalid_request_error\",\"param\":null,"
                                    + "\"code\":\"request_too_large\"}}");
        }
    }

    @Test
    void shouldEndItsWorkersWithTheServer() {
        Workers workers = new Workers();
        FakeGenerator model = new FakeGenerator("m");
        workers.add(model, Optional.empty());
        workers.endAll();
        assertThat(model.closed).isTrue();
    }

    /** Class of the shape of DJL Serving's. */
    public static final class FakeServerConfig {

        static Map<String, String> values = Map.of();

        public static FakeServerConfig getInstance() {
            return new FakeServerConfig();
        }

        public String getProperty(String key, String absent) {
            return values.getOrDefault(key, absent);
        }
    }

    @Test
    void shouldTakeItsPathsOnlyWhileThereIsAModel() {
        Workers workers = new Workers();
        FakeGenerator model = new FakeGenerator("m");
        try (KvLinkPlugin plugin =
                new KvLinkPlugin(
                        workers,
                        new ServerConfig("no.such.Server"),
                        new ServerRegistry("no.such.Server"))) {
            FullHttpRequest request =
                    new DefaultFullHttpRequest(
                            HttpVersion.HTTP_1_1, HttpMethod.POST, "/v1/completions?a=b");
            assertThat(plugin.acceptInboundMessage(request)).isFalse();
            workers.add(model, Optional.empty());
            assertThat(plugin.acceptInboundMessage(request)).isTrue();
            workers.end(model);
            assertThat(plugin.acceptInboundMessage(request)).isFalse();
            assertThat(plugin.acceptInboundMessage("no request")).isFalse();
            request.release();
        }
    }
}
