// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.engine.Engine;
import ai.djl.serving.plugins.RequestHandler;
import io.kvlink.djl.http.FakeGenerator;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.io.InputStream;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class PluginDefinitionTest {

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
    void shouldTakeItsPathsOnlyWhileThereIsAModel() {
        Workers workers = new Workers();
        FakeGenerator model = new FakeGenerator("m");
        try (KvLinkPlugin plugin = new KvLinkPlugin(workers, new ServerConfig("no.such.Server"))) {
            FullHttpRequest request =
                    new DefaultFullHttpRequest(
                            HttpVersion.HTTP_1_1, HttpMethod.POST, "/v1/completions?a=b");
            assertThat(plugin.acceptInboundMessage(request)).isFalse();
            workers.add(model);
            assertThat(plugin.acceptInboundMessage(request)).isTrue();
            workers.remove(model);
            assertThat(plugin.acceptInboundMessage(request)).isFalse();
            assertThat(plugin.acceptInboundMessage("no request")).isFalse();
            request.release();
        }
    }
}
