// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.inference.streaming.PublisherBytesSupplier;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.translate.NoopServingTranslatorFactory;
import ai.djl.translate.Translator;
import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.http.FakeGenerator;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.options.ModelOptions;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class KvLinkModelTest {

    private final Workers workers = new Workers();
    private final List<String> started = new ArrayList<>();
    private final List<FakeGenerator> generators = new ArrayList<>();
    private final Engine engine =
            new KvLinkEngineProvider(
                            (dir, name, options) -> {
                                started.add(dir.getFileName() + " " + name + " " + options);
                                FakeGenerator generator = new FakeGenerator(name);
                                generators.add(generator);
                                return generator;
                            },
                            workers,
                            new ModelOptions(Map.of(), true))
                    .getEngine();

    @TempDir private Path dir;

    @Test
    void shouldServeFromLoadToClose() throws Exception {
        Path elsewhere = Files.createDirectory(dir.resolve("weights"));
        Model model = engine.newModel("fallback", Device.cpu());
        model.load(
                dir,
                null,
                Map.of("model_name", "m", "model_dir", "weights", "kv_cache_tokens", "64"));

        assertThat(started).containsExactly("weights m {kv_cache_tokens=64}");
        assertThat(model.getModelPath()).isEqualTo(elsewhere);
        assertThat(model.getProperty("kvlink.model_name")).isEqualTo("m");
        assertThat(model.getProperty("kvlink.kv_address")).isEqualTo("127.0.0.1:14579");
        assertThat(workers.models()).containsExactlyElementsOf(generators);

        model.close();
        model.close();
        assertThat(workers.models()).isEmpty();
        assertThat(generators.get(0).closed).isTrue();
    }

    @Test
    void shouldComputeOnTheDeviceThatDjlNamesUnlessTheModelAsksForAnother() throws Exception {
        try (Model asked = engine.newModel("a", Device.gpu(1));
                Model own = engine.newModel("b", Device.gpu(1));
                Model none = engine.newModel("c", null)) {
            asked.load(dir);
            own.load(dir, null, Map.of("device", "cpu"));
            none.load(dir);
        }
        String name = dir.getFileName().toString();
        assertThat(started)
                .containsExactly(
                        name + " a {device=gpu1}", name + " b {device=cpu}", name + " c {}");
    }

    // What DJL Serving 0.36 sets for a directory with a Llama's config.json, on a GPU host too.
    @Test
    void shouldIgnoreWhatTheServerSetsForItsPythonEngines() throws Exception {
        try (Model model = engine.newModel("m", Device.cpu())) {
            model.load(
                    dir,
                    null,
                    Map.of(
                            "rolling_batch", "disable",
                            "max_rolling_batch_size", "32",
                            "pipeline_parallel_degree", "1",
                            "tensor_parallel_degree", "8",
                            "max_running", "3"));
        }
        assertThat(started).containsExactly(dir.getFileName() + " m {max_running=3}");
    }

    @Test
    void shouldRefuseANameTwiceBeforeItLoads() throws Exception {
        try (Model first = engine.newModel("m", Device.cpu());
                Model second = engine.newModel("m", Device.cpu())) {
            first.load(dir);
            assertThatThrownBy(() -> second.load(dir))
                    .isInstanceOf(MalformedModelException.class)
                    .hasMessageStartingWith("model_name=m is taken; ")
                    .hasNoCause();
            assertThat(started).hasSize(1);
        }
    }

    static Stream<Arguments> failures() {
        return Stream.of(
                Arguments.of(
                        new KvConnectorException(
                                KvError.BAD_CONFIG,
                                "kv_port=1; is it taken?",
                                new IOException("Errno 48")),
                        "BAD_CONFIG(1): kv_port=1; is it taken?"),
                Arguments.of(
                        new ModelLoadException("file=x; do it", new IOException("inner")),
                        "file=x; do it"),
                Arguments.of(
                        new NoClassDefFoundError("org/zeromq/ZMQ"),
                        "class=org/zeromq/ZMQ is missing; copy every jar of the archive's plugins/"
                                + " into the plugin folder"),
                Arguments.of(
                        new CompletionException(new OutOfMemoryError("Java heap space")),
                        "path=DIR needs more memory than there is: Java heap space; raise -Xmx or"
                                + " -XX:MaxDirectMemorySize, or lower option.kv_cache_tokens"),
                Arguments.of(
                        new IllegalStateException("outer", new IOException("inner")),
                        "path=DIR isn't loaded: java.io.IOException: inner; the log has more"),
                Arguments.of(
                        new StackOverflowError(),
                        "path=DIR isn't loaded: java.lang.StackOverflowError; the log has more"));
    }

    // DJL Serving answers with the message of the innermost cause.
    @ParameterizedTest
    @MethodSource("failures")
    void shouldSayWhyAModelDoesNotLoadInItsOwnWords(Throwable cause, String message) {
        Model model =
                new KvLinkEngineProvider(
                                (dir, name, options) -> {
                                    if (cause instanceof Error error) {
                                        throw error;
                                    }
                                    throw (RuntimeException) cause;
                                },
                                workers,
                                new ModelOptions(Map.of(), true))
                        .getEngine()
                        .newModel("m", Device.cpu());
        assertThatThrownBy(() -> model.load(dir))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(message.replace("DIR", dir.toString()))
                .hasNoCause();
        model.close();
        assertThat(workers.models()).isEmpty();
    }

    @Test
    void shouldRefuseWhatItReadsItself() {
        Model model = engine.newModel("m", Device.cpu());
        assertThatThrownBy(() -> model.load(dir, null, Map.of("model_dir", "nowhere")))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageContaining("option.model_dir=" + dir.resolve("nowhere"));
        assertThatThrownBy(() -> model.load(dir, null, Map.of("predict_timeout_s", "0")))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("option.predict_timeout_s=0; expected seconds from 1 to 86400");
        assertThatThrownBy(() -> model.load(dir.resolve("absent")))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageContaining("absent is no directory");
        model.close();
    }

    @Test
    void shouldSayThatAJarIsMissing() {
        Model model =
                new KvLinkEngineProvider(
                                (dir, name, options) -> {
                                    throw new CompletionException(
                                            new NoClassDefFoundError("org/zeromq/ZMQ"));
                                },
                                workers,
                                new ModelOptions(Map.of(), true))
                        .getEngine()
                        .newModel("m", Device.cpu());
        assertThatThrownBy(() -> model.load(dir))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageStartingWith("class=org/zeromq/ZMQ is missing; copy every jar");
        model.close();
    }

    @Test
    void shouldPredictACompletion() throws Exception {
        try (Model model = engine.newModel("m", Device.cpu())) {
            model.load(dir);
            CompletableFuture<Output> answer = predict(model, input("{\"prompt\":\"abc\"}"));
            generators.get(0).next().text("x").finish(FinishReason.STOP, 1);

            Output output = answer.get(20, TimeUnit.SECONDS);
            assertThat(output.getCode()).isEqualTo(200);
            assertThat(output.getProperty("Content-Type", "")).isEqualTo("application/json");
            assertThat(output.getData().getAsString())
                    .contains("\"object\":\"text_completion\"", "\"text\":\"x\"");

            FakeGenerator generator = generators.get(0);
            generator.template =
                    Optional.of(
                            ChatTemplate.of(
                                    "{{ messages[0].content }}", Map.of(), Clock.systemUTC()));
            CompletableFuture<Output> chat =
                    predict(
                            model,
                            input(
                                    "{\"n\":1,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}"));
            generator.next().text("y").finish(FinishReason.STOP, 1);
            assertThat(chat.get(20, TimeUnit.SECONDS).getData().getAsString())
                    .contains("\"object\":\"chat.completion\"", "\"content\":\"y\"");
            assertThat(predict(model, new Input()).get(20, TimeUnit.SECONDS).getCode())
                    .isEqualTo(400);
        }
    }

    @Test
    void shouldGiveUpAPredictionThatIsCancelledOrTooLate() throws Exception {
        try (Model model = engine.newModel("m", Device.cpu())) {
            model.load(dir, null, Map.of("predict_timeout_s", "1"));
            Input input = input("{\"prompt\":\"abc\"}");
            CompletableFuture<Output> cancelled = predict(model, input);
            FakeGenerator.Submitted first = generators.get(0).next();
            input.setCancelled(true);
            assertThat(cancelled.get(20, TimeUnit.SECONDS).getCode()).isEqualTo(503);
            first.awaitCancelled();

            CompletableFuture<Output> busy = predict(model, input);
            FakeGenerator.Submitted second = generators.get(0).next();
            second.text("x").finish(FinishReason.STOP, 1);
            assertThat(busy.get(20, TimeUnit.SECONDS).getCode()).isEqualTo(503);
            second.awaitCancelled();

            CompletableFuture<Output> late = predict(model, input("{\"prompt\":\"abc\"}"));
            assertThat(late.get(20, TimeUnit.SECONDS).getData().getAsString())
                    .contains("took longer than 1.0 s");
            generators.get(0).next().awaitCancelled();
        }
    }

    private static final String STREAM = "{\"prompt\":\"abc\",\"stream\":true}";

    @Test
    void shouldStreamTheEventsOfV1IfTheBodySaysSo() throws Exception {
        try (Model model = engine.newModel("m", Device.cpu())) {
            model.load(dir);
            CompletableFuture<Output> answer =
                    predict(
                            model,
                            input(
                                    "{\"prompt\":\"abc\",\"stream\":true,"
                                            + "\"stream_options\":{\"include_usage\":true}}"));
            FakeGenerator.Submitted request = generators.get(0).next();
            assertThat(answer).isNotDone();
            request.text("x");
            Output output = answer.get(20, TimeUnit.SECONDS);
            assertThat(output.getCode()).isEqualTo(200);
            assertThat(output.getProperty("Content-Type", ""))
                    .isEqualTo("text/event-stream; charset=utf-8");
            BlockingQueue<String> events = new LinkedBlockingQueue<>();
            CompletableFuture<Void> sent = subscribe(output, events);
            assertThat(events.poll(20, TimeUnit.SECONDS))
                    .startsWith("data: {\"id\":\"cmpl-")
                    .contains("\"text\":\"x\"")
                    .endsWith("\n\n");
            request.text("y").finish(FinishReason.STOP, 2);
            assertThat(events.poll(20, TimeUnit.SECONDS)).contains("\"text\":\"y\"");
            assertThat(events.poll(20, TimeUnit.SECONDS)).contains("\"finish_reason\":\"stop\"");
            assertThat(events.poll(20, TimeUnit.SECONDS)).contains("\"completion_tokens\":2");
            assertThat(events.poll(20, TimeUnit.SECONDS)).isEqualTo("data: [DONE]\n\n");
            assertThat(events.poll(20, TimeUnit.SECONDS)).isEqualTo("end");
            sent.get(20, TimeUnit.SECONDS);
        }
    }

    @Test
    void shouldGiveAFailureBeforeTheFirstTokenItsStatus() throws Exception {
        try (Model model = engine.newModel("m", Device.cpu())) {
            model.load(dir);
            CompletableFuture<Output> early = predict(model, input(STREAM));
            generators.get(0).next().fail(GenerationException.Kind.OVERLOADED, "full");
            assertThat(early.get(20, TimeUnit.SECONDS).getCode()).isEqualTo(429);
            assertThat(early.get().getProperty("Content-Type", "")).isEqualTo("application/json");

            CompletableFuture<Output> late = predict(model, input(STREAM));
            FakeGenerator.Submitted request = generators.get(0).next().text("x");
            Output output = late.get(20, TimeUnit.SECONDS);
            request.fail(GenerationException.Kind.CLOSED, "closing");
            BlockingQueue<String> events = new LinkedBlockingQueue<>();
            CompletableFuture<Void> unused = subscribe(output, events);
            assertThat(events.poll(20, TimeUnit.SECONDS)).contains("\"text\":\"x\"");
            assertThat(events.poll(20, TimeUnit.SECONDS)).contains("\"code\":\"closed\"");
            assertThat(events.poll(20, TimeUnit.SECONDS)).isEqualTo("end");
        }
    }

    @Test
    void shouldGiveUpAStreamWhoseClientLeft() throws Exception {
        try (Model model = engine.newModel("m", Device.cpu())) {
            model.load(dir);
            Input waiting = input(STREAM);
            CompletableFuture<Output> answer = predict(model, waiting);
            FakeGenerator.Submitted first = generators.get(0).next();
            waiting.setCancelled(true);
            assertThat(answer.get(20, TimeUnit.SECONDS).getCode()).isEqualTo(503);
            first.awaitCancelled();

            Input streaming = input(STREAM);
            CompletableFuture<Output> begun = predict(model, streaming);
            FakeGenerator.Submitted second = generators.get(0).next().text("x");
            BlockingQueue<String> events = new LinkedBlockingQueue<>();
            CompletableFuture<Void> unused = subscribe(begun.get(20, TimeUnit.SECONDS), events);
            assertThat(events.poll(20, TimeUnit.SECONDS)).contains("\"text\":\"x\"");
            streaming.setCancelled(true);
            second.text("y");
            second.awaitCancelled();
            assertThat(events.poll(20, TimeUnit.SECONDS)).isEqualTo("end");
        }
    }

    /** Subscribes as DJL Serving does: null is the end. */
    private static CompletableFuture<Void> subscribe(Output output, BlockingQueue<String> events) {
        PublisherBytesSupplier supplier = (PublisherBytesSupplier) output.getData();
        return supplier.subscribe(
                bytes ->
                        events.add(
                                bytes == null ? "end" : new String(bytes, StandardCharsets.UTF_8)));
    }

    private static Input input(String body) {
        Input input = new Input();
        input.add(body);
        return input;
    }

    private static CompletableFuture<Output> predict(Model model, Input input) {
        Translator<Input, Output> translator =
                new NoopServingTranslatorFactory()
                        .newInstance(Input.class, Output.class, model, Map.of());
        CompletableFuture<Output> answer = new CompletableFuture<>();
        Thread caller =
                new Thread(
                        () -> {
                            try (Predictor<Input, Output> predictor =
                                    model.newPredictor(translator)) {
                                answer.complete(predictor.predict(input));
                            } catch (Throwable failure) {
                                answer.completeExceptionally(failure);
                            }
                        },
                        "test-predict");
        caller.setDaemon(true);
        caller.start();
        return answer;
    }
}
