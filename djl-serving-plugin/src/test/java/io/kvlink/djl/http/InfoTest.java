// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.WorkerHealth;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import java.net.http.HttpResponse;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.Test;

class InfoTest {

    @Test
    void shouldNameTheModels() throws Exception {
        try (TestServer server =
                new TestServer(new FakeGenerator("a"), new FakeGenerator("org/b"))) {
            assertThat(server.get("/v1/models").body())
                    .isEqualTo(
                            "{\"object\":\"list\",\"data\":["
                                    + "{\"id\":\"a\",\"object\":\"model\",\"created\":1234,"
                                    + "\"owned_by\":\"kvlink\",\"max_model_len\":100},"
                                    + "{\"id\":\"org/b\",\"object\":\"model\",\"created\":1234,"
                                    + "\"owned_by\":\"kvlink\",\"max_model_len\":100}]}");
            assertThat(server.get("/v1/models/org/b").body()).contains("\"id\":\"org/b\"");
            HttpResponse<String> unknown = server.get("/v1/models/c");
            assertThat(unknown.statusCode()).isEqualTo(404);
            assertThat(unknown.body()).contains("model_not_found", "[a, org/b]");
        }
    }

    @Test
    void shouldTellHealthStatusAndFigures() throws Exception {
        try (TestServer server = new TestServer(new FakeGenerator("a"))) {
            for (String path : List.of("/health", "/health/live", "/health/ready")) {
                assertThat(server.get(path).statusCode()).as(path).isEqualTo(200);
                assertThat(server.get(path).body()).isEqualTo("{\"status\":\"ok\",\"reasons\":[]}");
            }
            assertThat(server.get("/kvlink/status").body())
                    .isEqualTo(
                            "{\"models\":[{\"model\":\"a\",\"role\":\"kv_both\","
                                    + "\"kv_address\":\"127.0.0.1:14579\",\"waiting\":1,"
                                    + "\"running\":2,\"free_tokens\":3,\"total_tokens\":4,\"draining\":false,"
                                    + "\"ledger\":{\"buffer_bytes\":5,\"pool_bytes\":6,"
                                    + "\"leases\":7,\"transfers\":8,\"peers\":9}}]}");
            HttpResponse<String> figures = server.get("/metrics");
            assertThat(figures.headers().firstValue("content-type").orElse(""))
                    .startsWith("text/plain; version=0.0.4");
            assertThat(figures.body())
                    .contains(
                            "# TYPE fake_steps_total counter", "fake_steps_total{model=\"a\"} 3.0");
        }
    }

    @Test
    void shouldTellLiveFromReady() throws Exception {
        FakeGenerator closing = new FakeGenerator("a");
        try (TestServer server = new TestServer(closing, new FakeGenerator("b"))) {
            closing.health = new WorkerHealth(List.of(), List.of("worker=closing"));
            assertThat(server.get("/health/live").statusCode()).isEqualTo(200);
            for (String path : List.of("/health", "/health/ready")) {
                HttpResponse<String> response = server.get(path);
                assertThat(response.statusCode()).as(path).isEqualTo(503);
                assertThat(response.body())
                        .isEqualTo(
                                "{\"status\":\"unavailable\","
                                        + "\"reasons\":[\"model=a worker=closing\"]}");
            }
        }
    }

    @Test
    void shouldNotCountAModelThatLeavesUnlessItIsTheLast() throws Exception {
        FakeGenerator leaving = new FakeGenerator("a");
        FakeGenerator other = new FakeGenerator("b");
        try (TestServer server = new TestServer(leaving, other)) {
            leaving.health = WorkerHealth.DRAINING;
            assertThat(server.get("/health/ready").statusCode()).isEqualTo(200);
            assertThat(server.get("/v1/models").body())
                    .contains("\"id\":\"b\"")
                    .doesNotContain("\"id\":\"a\"");
            other.health = WorkerHealth.DRAINING;
            assertThat(server.get("/health/ready").body())
                    .contains("model=a worker=draining", "model=b worker=draining");
            assertThat(server.get("/health/live").statusCode()).isEqualTo(200);
        }
    }

    /** One model that is dead makes the process one that must be restarted. */
    @Test
    void shouldSayThatWhatIsDeadIsNeitherLiveNorReady() throws Exception {
        FakeGenerator dead = new FakeGenerator("b");
        try (TestServer server = new TestServer(new FakeGenerator("a"), dead)) {
            dead.health = new WorkerHealth(List.of("thread=kv-worker-0 has ended"), List.of());
            for (String path : List.of("/health", "/health/live", "/health/ready")) {
                HttpResponse<String> response = server.get(path);
                assertThat(response.statusCode()).as(path).isEqualTo(503);
                assertThat(response.body()).contains("\"model=b thread=kv-worker-0 has ended\"");
            }
        }
    }

    @Test
    void shouldTellTheFiguresOfAllModelsUnlessOneIsMeant() throws Exception {
        FakeGenerator a = new FakeGenerator("a");
        Histogram.builder()
                .name("fake_seconds")
                .help("Seconds.")
                .classicOnly()
                .classicUpperBounds(1)
                .register(a.metrics)
                .observe(0.5);
        Gauge.builder()
                .name("fake_free")
                .labelNames("model", "kind")
                .register(a.metrics)
                .labelValues("theirs", "x\"y")
                .set(2);
        try (TestServer server = new TestServer(a, new FakeGenerator("b"))) {
            String all = server.get("/metrics").body();
            assertThat(all.lines().filter(line -> line.contains("fake_steps_total")))
                    .containsExactly(
                            "# HELP fake_steps_total Steps.",
                            "# TYPE fake_steps_total counter",
                            "fake_steps_total{model=\"a\"} 3.0",
                            "fake_steps_total{model=\"b\"} 3.0");
            assertThat(all)
                    .contains(
                            "fake_seconds_bucket{model=\"a\",le=\"1.0\"} 1",
                            "fake_seconds_count{model=\"a\"} 1",
                            "fake_free{exported_model=\"theirs\",kind=\"x\\\"y\",model=\"a\"} 2.0");
            assertThat(server.get("/metrics?model=b").body())
                    .contains("fake_steps_total{model=\"b\"} 3.0")
                    .doesNotContain("model=\"a\"");
            assertThat(server.get("/metrics?model=c").statusCode()).isEqualTo(404);
        }
    }

    @Test
    void shouldLeavePathsToOthersUntilThereIsAModel() {
        try (OpenAiSurface none = new OpenAiSurface(List::of, InstantSource.system());
                OpenAiSurface one =
                        new OpenAiSurface(
                                () -> List.of(new FakeGenerator("a")), InstantSource.system())) {
            for (String path :
                    List.of(
                            "/v1/completions",
                            "/v1/models?x",
                            "/v1/models/a",
                            "/health",
                            "/health/live",
                            "/health/ready")) {
                assertThat(none.accepts(path)).as(path).isFalse();
                assertThat(one.accepts(path)).as(path).isTrue();
            }
            assertThat(none.accepts("/kvlink/status?x=1")).isTrue();
            for (String path : List.of("/", "/v1/completionsX", "/ping", "/v1/modelsX", "/v1")) {
                assertThat(one.accepts(path)).as(path).isFalse();
            }
        }
    }
}
