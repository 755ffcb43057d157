// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.serving.plugins.RequestHandler;
import io.kvlink.djl.http.FakeGenerator;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two models of KvLink beside one of another engine. */
class RoutingTest {

    private static final String CHAT = "/v1/chat/completions";
    private static final String COMPLETIONS = "/v1/completions";
    private static final long LIMIT_NS = 20_000_000_000L;

    private final Workers workers = new Workers();
    private final FakeGenerator a = new FakeGenerator("a");
    private final FakeGenerator b = new FakeGenerator("b");
    private final KvLinkPlugin plugin =
            new KvLinkPlugin(
                    workers,
                    new ServerConfig("no.such.Server"),
                    new ServerRegistry(FakeModelManager.class.getName()));

    @BeforeEach
    void register() {
        FakeModelManager.clear();
        FakeModelManager.register("djl-a", null, "KvLink", "a");
        FakeModelManager.register("b", null, "KvLink", "b");
        FakeModelManager.register("echo", "1", "PyTorch", null);
        workers.add(a, Optional.empty());
        workers.add(b, Optional.empty());
    }

    @AfterEach
    void close() {
        FakeModelManager.clear();
        plugin.close();
    }

    private static FullHttpRequest post(String uri, String body, String... headers) {
        FullHttpRequest request =
                new DefaultFullHttpRequest(
                        HttpVersion.HTTP_1_1,
                        HttpMethod.POST,
                        uri,
                        Unpooled.copiedBuffer(body, StandardCharsets.UTF_8));
        for (int i = 0; i < headers.length; i += 2) {
            request.headers().add(headers[i], headers[i + 1]);
        }
        return request;
    }

    private boolean takes(FullHttpRequest request) {
        boolean taken = plugin.acceptInboundMessage(request);
        // DJL Serving asks at least twice.
        assertThat(plugin.acceptInboundMessage(request)).isEqualTo(taken);
        return taken;
    }

    private boolean takes(String uri, String body, String... headers) {
        return takes(post(uri, body, headers));
    }

    /** The answer of the plugin, which must take the request. */
    private String answer(FullHttpRequest request) throws Exception {
        assertThat(takes(request)).isTrue();
        EmbeddedChannel channel =
                new EmbeddedChannel(
                        new ChannelInboundHandlerAdapter() {
                            @Override
                            public void channelRead(ChannelHandlerContext ctx, Object message) {
                                FullHttpRequest read = (FullHttpRequest) message;
                                plugin.handleRequest(
                                        ctx,
                                        read,
                                        new QueryStringDecoder(read.uri()),
                                        new String[0]);
                            }
                        });
        channel.writeInbound(request);
        long deadline = System.nanoTime() + LIMIT_NS;
        FullHttpResponse response = null;
        while (response == null) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.onSpinWait();
            channel.runPendingTasks();
            response = channel.readOutbound();
        }
        String text = response.content().toString(StandardCharsets.UTF_8);
        response.release();
        channel.close().syncUninterruptibly();
        return response.status().code() + " " + text;
    }

    @ParameterizedTest
    @ValueSource(strings = {CHAT, COMPLETIONS, CHAT + "?x=1"})
    void shouldLeaveAnotherEnginesModelToTheServer(String uri) {
        assertThat(takes(uri, "{\"model\":\"echo\"}")).isFalse();
        assertThat(takes(uri, "{\"messages\":[],\"model\":\"echo\"}")).isFalse();
        assertThat(takes(uri, "{\"model\":\"a\",\"model\":\"echo\"}")).isFalse();
        assertThat(takes(uri, "{\"mod\\u0065l\":\"ech\\u006f\"}")).isFalse();
        assertThat(takes(uri, "{\"model\":\"a\"}", "model_name", "echo")).isFalse();
        assertThat(takes(uri, "", "Model_Name", "echo")).isFalse();
        assertThat(takes(uri, "{}", "X-Amzn-SageMaker-Custom-Attributes", "k=v; model_name = echo"))
                .isFalse();
        String separator = uri.contains("?") ? "&" : "?";
        assertThat(takes(uri + separator + "model_name=echo", "{\"model\":\"a\"}")).isFalse();
        assertThat(takes(uri + separator + "model_name=echo&model_version=1", "{}")).isFalse();
        // DJL Serving says that there is no such version.
        assertThat(takes(uri + separator + "model_name=echo&model_version=2", "{}")).isFalse();
        assertThat(
                        takes(
                                uri,
                                "x=1&model_name=echo",
                                "Content-Type",
                                "application/x-www-form-urlencoded"))
                .isFalse();
    }

    @Test
    void shouldLeaveAFormToTheServerAsItCame() {
        for (String[] form :
                new String[][] {
                    {"application/x-www-form-urlencoded", "x=1&model_name=echo"},
                    {
                        "multipart/form-data; boundary=b",
                        "--b\r\nContent-Disposition: form-data; name=\"model_name\"\r\n\r\necho\r\n--b--\r\n"
                    }
                }) {
            FullHttpRequest request = post(CHAT, form[1], "Content-Type", form[0]);
            assertThat(takes(request)).as(form[0]).isFalse();
            assertThat(request.headers().contains("model_name")).isFalse();
            assertThat(request.content().toString(StandardCharsets.UTF_8)).isEqualTo(form[1]);
            assertThat(request.refCnt()).isEqualTo(1);
        }
        assertThat(takes(CHAT, "--b", "Content-Type", "multipart/form-data")).isFalse();
        assertThat(
                        takes(
                                CHAT,
                                "{\"model\":\"a\"}",
                                "Content-Type",
                                "application/x-www-form-urlencoded"))
                .isTrue();
    }

    @Test
    void shouldTellTheServerTheNameThatItDoesNotRead() {
        FullHttpRequest named = post(CHAT, "{\"model\":\"echo\"}");
        assertThat(takes(named)).isFalse();
        assertThat(named.headers().get("model_name")).isEqualTo("echo");
        FullHttpRequest addressed = post(CHAT + "?model_name=echo", "{\"model\":\"a\"}");
        assertThat(takes(addressed)).isFalse();
        assertThat(addressed.headers().contains("model_name")).isFalse();
        assertThat(addressed.content().refCnt()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {CHAT, COMPLETIONS})
    void shouldTakeItsOwnModelsByEachName(String uri) {
        for (String name : new String[] {"a", "b", "djl-a"}) {
            assertThat(takes(uri, "{\"model\":\"" + name + "\"}")).as(name).isTrue();
            assertThat(takes(uri + "?model_name=" + name, "{}")).as(name).isTrue();
            assertThat(takes(uri, "{}", "model_name", name)).as(name).isTrue();
        }
    }

    @Test
    void shouldAnswerByTheModelThatIsNamed() throws Exception {
        for (FullHttpRequest request :
                new FullHttpRequest[] {
                    post(COMPLETIONS, "{\"model\":\"djl-a\",\"prompt\":\"x\",\"stream\":3}"),
                    post(COMPLETIONS + "?model_name=djl-a", "{\"prompt\":\"x\",\"stream\":3}"),
                    post(COMPLETIONS, "{\"prompt\":\"x\",\"stream\":3}", "model_name", "a")
                }) {
            assertThat(answer(request)).startsWith("400 ").contains("\"param\":\"stream\"");
        }
        // By the server's way it is a, by OpenAI's it is b.
        assertThat(
                        answer(
                                post(
                                        COMPLETIONS + "?model_name=a",
                                        "{\"model\":\"b\",\"prompt\":\"x\"}")))
                .startsWith("404 ")
                .contains("model=b; expected one of [a]");
    }

    @Test
    void shouldSayThatNobodyHasAName() throws Exception {
        for (FullHttpRequest request :
                new FullHttpRequest[] {
                    post(CHAT, "{\"model\":\"c\",\"messages\":[]}"),
                    post(COMPLETIONS, "{\"model\":\"c\",\"prompt\":\"x\"}"),
                    post(COMPLETIONS + "?model_name=c", "{\"model\":\"a\",\"prompt\":\"x\"}"),
                    post(COMPLETIONS, "{\"prompt\":\"x\"}", "model_name", "c")
                }) {
            if (request.uri().equals(CHAT)) {
                assertThat(takes(request)).isTrue();
            } else {
                assertThat(answer(request))
                        .startsWith("404 ")
                        .contains("model=c; expected one of [a, b]", "model_not_found");
            }
        }
        assertThat(
                        answer(
                                post(
                                        COMPLETIONS + "?model_name=b&model_version=7",
                                        "{\"prompt\":\"x\"}")))
                .startsWith("404 ")
                .contains("model=b/7");
    }

    @Test
    void shouldSayThatAModelIsBeingLoaded() throws Exception {
        FakeModelManager.register("late", null, "KvLink", null);
        assertThat(answer(post(COMPLETIONS, "{\"model\":\"late\",\"prompt\":\"x\"}")))
                .startsWith("503 ")
                .contains("model=late is being loaded");
        assertThat(answer(post(COMPLETIONS + "?model_name=late", "{\"prompt\":\"x\"}")))
                .startsWith("503 ");
        // DJL Serving doesn't know its engine before it has read its files.
        FakeModelManager.unregister("echo");
        FakeModelManager.register("later", null, "", null);
        assertThat(answer(post(COMPLETIONS, "{\"model\":\"later\",\"prompt\":\"x\"}")))
                .startsWith("503 ");
        assertThat(takes(CHAT, "{}")).isTrue();
    }

    @Test
    void shouldDecideAsTheServerDoesWhereNoModelIsNamed() throws Exception {
        for (String body :
                new String[] {"", "{}", "{\"model\":null}", "{\"model\":", "[1]", "\0"}) {
            assertThat(takes(CHAT, body)).as(body).isFalse();
            assertThat(takes(COMPLETIONS, body)).as(body).isTrue();
        }
        FakeModelManager.startedWith("echo");
        assertThat(takes(CHAT, "{}")).isFalse();
        FakeModelManager.startedWith("djl-a");
        assertThat(takes(CHAT, "{}")).isTrue();
        assertThat(answer(post(COMPLETIONS, "{\"prompt\":\"x\",\"stream\":3}")))
                .contains("\"param\":\"stream\"");
        // No other engine's model is there any more.
        FakeModelManager.clear();
        FakeModelManager.register("b", null, "KvLink", "b");
        assertThat(takes(CHAT, "{}")).isTrue();
        assertThat(answer(post(COMPLETIONS, "{\"prompt\":\"x\"}")))
                .startsWith("400 ")
                .contains("model is missing; expected one of [a, b]");
    }

    @Test
    void shouldLeaveToTheAnswerWhatCannotBeRead() throws Exception {
        assertThat(answer(post(COMPLETIONS + "?model_name=%zz", "{\"model\":\"a\"}")))
                .startsWith("400 ");
    }

    @Test
    void shouldAnswerBrowsersThatAskFirst() {
        FullHttpRequest preflight = post(CHAT, "");
        preflight.setMethod(HttpMethod.OPTIONS);
        assertThat(takes(preflight)).isTrue();
    }

    @Test
    void shouldListTheModelsOfOtherEnginesAsWhatTheyAre() throws Exception {
        FakeModelManager.register("failed", null, "broken", null);
        FullHttpRequest list = post("/v1/models", "");
        list.setMethod(HttpMethod.GET);
        assertThat(answer(list))
                .contains("\"id\":\"a\"", "\"id\":\"b\"", "\"owned_by\":\"kvlink\"")
                .contains("{\"id\":\"echo\",\"object\":\"model\"", "\"owned_by\":\"pytorch\"}")
                .doesNotContain("djl-a", "failed");
        FullHttpRequest other = post("/v1/models/echo", "");
        other.setMethod(HttpMethod.GET);
        assertThat(answer(other)).startsWith("200 ").contains("\"owned_by\":\"pytorch\"");
    }

    @Test
    void shouldLeavePathsOfTheProcessToPluginsThatWantThem() {
        Plugins plugins = new Plugins();
        plugin.setPluginManager(plugins);
        plugins.handlers.add(plugin);
        assertThat(takes("/metrics", "")).isTrue();
        plugins.handlers.add(new Wanting("/metrics"));
        assertThat(takes("/metrics", "")).isFalse();
        assertThat(takes("/health", "")).isTrue();
        assertThat(takes("/v1/models", "")).isTrue();
        plugin.setPluginManager("of another version");
        assertThat(takes("/metrics", "")).isTrue();
    }

    /** Class of the shape of DJL Serving's {@code PluginManager}. */
    public static final class Plugins {
        final Set<Object> handlers = new LinkedHashSet<>();

        public Set<Object> findImplementations(Class<?> type) {
            return handlers;
        }
    }

    private record Wanting(String uri) implements RequestHandler<Void> {
        @Override
        public boolean acceptInboundMessage(Object message) {
            return message instanceof FullHttpRequest request && request.uri().equals(uri);
        }

        @Override
        public Void handleRequest(
                ChannelHandlerContext ctx,
                FullHttpRequest req,
                QueryStringDecoder decoder,
                String[] segments) {
            throw new AssertionError();
        }
    }
}
