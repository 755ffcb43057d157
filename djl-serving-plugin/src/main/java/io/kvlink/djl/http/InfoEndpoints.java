// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.generation.WorkerHealth;
import io.kvlink.djl.generation.WorkerStatus;
import io.kvlink.djl.http.ModelDirectory.OtherModel;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLedger;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/** Answers about the models: names, status, figures. Thread-safe. */
final class InfoEndpoints {

    private final ModelDirectory directory;
    private final CompletionPreparer names;
    private final long createdSeconds;

    InfoEndpoints(ModelDirectory directory, CompletionPreparer names, long createdSeconds) {
        this.directory = directory;
        this.names = names;
        this.createdSeconds = createdSeconds;
    }

    JsonObject models() {
        JsonArray data = new JsonArray();
        staying().forEach(model -> data.add(describe(model)));
        directory.others().forEach(other -> data.add(describe(other)));
        JsonObject body = new JsonObject();
        body.addProperty("object", "list");
        body.add("data", data);
        return body;
    }

    JsonObject model(String name) {
        Optional<OtherModel> other =
                directory.others().stream().filter(known -> known.name().equals(name)).findFirst();
        return other.isPresent() && directory.named(name).isEmpty()
                ? describe(other.get())
                : describe(names.find(name));
    }

    /** Reasons why a process with these models must be restarted; none if it lives. */
    List<String> whyNotLive() {
        return reasons(directory.models(), WorkerHealth::whyNotLive);
    }

    /** Reasons why requests should go elsewhere; none if each of the models takes them. */
    List<String> whyNotReady() {
        List<TextGenerator> models = directory.models();
        if (models.isEmpty()) {
            return List.of("no model is loaded");
        }
        // One of several that leaves is nothing that the others suffer from.
        List<TextGenerator> staying = staying();
        return reasons(staying.isEmpty() ? models : staying, WorkerHealth::whyNotReady);
    }

    /** The models that aren't about to end. */
    private List<TextGenerator> staying() {
        return directory.models().stream()
                .filter(model -> !model.health().equals(WorkerHealth.DRAINING))
                .toList();
    }

    private static List<String> reasons(
            List<TextGenerator> models, Function<WorkerHealth, List<String>> question) {
        return models.stream()
                .flatMap(
                        model ->
                                question.apply(model.health()).stream()
                                        .map(reason -> "model=" + model.modelName() + " " + reason))
                .toList();
    }

    static JsonObject health(List<String> reasons) {
        JsonArray complaints = new JsonArray();
        reasons.forEach(complaints::add);
        JsonObject body = new JsonObject();
        body.addProperty("status", reasons.isEmpty() ? "ok" : "unavailable");
        body.add("reasons", complaints);
        return body;
    }

    JsonObject status() {
        JsonArray models = new JsonArray();
        for (TextGenerator model : directory.models()) {
            models.add(status(model.modelName(), model.status()));
        }
        JsonObject body = new JsonObject();
        body.add("models", models);
        return body;
    }

    /**
     * The figures of all models in Prometheus' text format.
     *
     * @param name of the one that is meant; empty for all
     */
    byte[] metrics(List<String> name) {
        List<TextGenerator> models =
                name.isEmpty() ? directory.models() : List.of(names.find(name.get(0)));
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try {
            new PrometheusTextFormatWriter(false).write(text, ModelMetrics.of(models));
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
        return text.toByteArray();
    }

    private JsonObject describe(TextGenerator model) {
        JsonObject body = describe(model.modelName(), "kvlink");
        body.addProperty("max_model_len", model.contextLength());
        return body;
    }

    private JsonObject describe(OtherModel model) {
        String engine = model.engine().isEmpty() ? "djl-serving" : model.engine();
        return describe(model.name(), engine.toLowerCase(Locale.ROOT));
    }

    private JsonObject describe(String name, String owner) {
        JsonObject body = new JsonObject();
        body.addProperty("id", name);
        body.addProperty("object", "model");
        body.addProperty("created", createdSeconds);
        body.addProperty("owned_by", owner);
        return body;
    }

    private static JsonElement status(String name, WorkerStatus status) {
        JsonObject body = new JsonObject();
        body.addProperty("model", name);
        body.addProperty("role", status.role());
        body.addProperty("kv_address", status.kvAddress().map(HostPort::toString).orElse(null));
        body.addProperty("waiting", status.waiting());
        body.addProperty("running", status.running());
        body.addProperty("free_tokens", status.freeTokens());
        body.addProperty("total_tokens", status.totalTokens());
        body.addProperty("draining", status.draining());
        body.add("ledger", status.ledger().map(InfoEndpoints::ledger).orElse(null));
        return body;
    }

    private static JsonObject ledger(KvLedger ledger) {
        JsonObject body = new JsonObject();
        body.addProperty("buffer_bytes", ledger.bufferBytes());
        body.addProperty("pool_bytes", ledger.poolBytes());
        body.addProperty("leases", ledger.leases());
        body.addProperty("transfers", ledger.transfers());
        body.addProperty("peers", ledger.peers());
        return body;
    }
}
