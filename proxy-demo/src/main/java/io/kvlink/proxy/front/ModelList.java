// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.front;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.proxy.exchange.ClientReply;
import io.kvlink.proxy.exchange.ProxyParts;
import io.kvlink.proxy.exchange.Replies;
import io.kvlink.proxy.exchange.Serving;
import io.kvlink.proxy.fleet.FailedInstances;
import io.kvlink.proxy.fleet.Fleet;
import io.kvlink.proxy.fleet.Instance;
import io.kvlink.proxy.fleet.Role;
import io.kvlink.proxy.upstream.ClientRequest;
import io.kvlink.proxy.upstream.UpstreamCall;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.util.concurrent.Future;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Lists the models of a fleet that has several: asks an instance of each, and merges what they
 * list. A model of which no instance answers in time is listed by its name alone. Belongs to the
 * event loop of the client's connection, on which all its upstream calls run too.
 */
final class ModelList implements UpstreamCall.Listener, Serving {

    private static final int MAX_CALLS = 8;
    private static final int MAX_BYTES = 1 << 20;

    private final ProxyParts parts;
    private final EventLoop loop;
    private final ClientRequest request;
    private final ClientReply reply;
    private final Runnable onDone;

    private final List<String> names;
    private final Queue<Question> waiting = new ArrayDeque<>();
    private final Map<UpstreamCall, Question> asked = new HashMap<>();
    // What instances say of the models.
    private final Map<String, JsonObject> found = new LinkedHashMap<>();
    private @Nullable Future<?> deadline;
    private boolean done;

    /** Question for a model, or for all those of instances that name none. */
    private static final class Question {
        private final String model;
        private final FailedInstances failures;
        private ByteArrayOutputStream answer = new ByteArrayOutputStream();

        Question(String model, Fleet fleet) {
            this.model = model;
            this.failures = new FailedInstances(fleet, model);
        }
    }

    /**
     * Prepares a list.
     *
     * @param onDone called once, when the client has all it will get
     */
    ModelList(
            ProxyParts parts,
            EventLoop loop,
            ClientRequest request,
            ClientReply reply,
            Runnable onDone) {
        this.parts = parts;
        this.loop = loop;
        this.request =
                new ClientRequest(HttpMethod.GET, request.uri(), request.headers(), request.body());
        this.reply = reply;
        this.onDone = onDone;
        this.names = parts.fleet().models();
        names.forEach(name -> waiting.add(new Question(name, parts.fleet())));
        waiting.add(new Question("", parts.fleet()));
    }

    /** True if no instance alone can say which models there are. */
    static boolean isNeeded(Fleet fleet) {
        int unnamed = fleet.count(Role.DECODE, "") > 0 ? 1 : 0;
        return fleet.models().size() + unnamed > 1;
    }

    void start() {
        int limit = parts.config().connectTimeoutMs();
        deadline = loop.schedule(this::finish, limit, TimeUnit.MILLISECONDS);
        askOn();
    }

    private void askOn() {
        while (asked.size() < MAX_CALLS && !waiting.isEmpty()) {
            ask(waiting.remove());
        }
        if (asked.isEmpty()) {
            finish();
        }
    }

    private void ask(Question question) {
        Optional<Instance> next =
                question.failures
                        .next(Role.DECODE)
                        .or(() -> question.failures.next(Role.PREFILL))
                        // Another's list may have had it.
                        .filter(instance -> !found.containsKey(question.model));
        if (next.isPresent()) {
            String id = parts.ids().next().hex();
            UpstreamCall call = new UpstreamCall(next.get(), request, id, loop, this);
            asked.put(call, question);
            call.start(parts.names(), parts.calls(), parts.config().connectTimeoutMs());
        }
    }

    // ---- hearing ----

    @Override
    public void onHead(UpstreamCall call, HttpResponse head) {
        if (!head.status().equals(HttpResponseStatus.OK)) {
            Question question = asked.get(call);
            if (question != null
                    && FailedInstances.isUndone(call.instance().role(), head.status())) {
                question.failures.onUndone(call.instance(), head);
            }
            drop(call, "status");
        }
    }

    @Override
    public void onBody(UpstreamCall call, ByteBuf piece) {
        Question question = asked.get(call);
        if (question == null) {
            return;
        }
        byte[] bytes = new byte[piece.readableBytes()];
        piece.getBytes(piece.readerIndex(), bytes);
        question.answer.writeBytes(bytes);
        if (question.answer.size() > MAX_BYTES) {
            drop(call, "status");
        }
    }

    @Override
    public void onEnd(UpstreamCall call) {
        Question question = asked.get(call);
        if (question == null) {
            return;
        }
        merge(question);
        if (question.model.isEmpty() || found.containsKey(question.model)) {
            asked.remove(call);
            askOn();
        } else {
            drop(call, "status");
        }
    }

    @Override
    public void onFailure(UpstreamCall call, UpstreamCall.Failure failure, String detail) {
        if (failure == UpstreamCall.Failure.CONNECT) {
            parts.fleet().onRefused(call.instance());
        }
        drop(call, failure.word());
    }

    /** The instance doesn't say; another may. */
    private void drop(UpstreamCall call, String kind) {
        call.cancel();
        Instance instance = call.instance();
        parts.metrics().upstreamFailures.labelValues(instance.role().word(), kind).inc();
        Question question = asked.remove(call);
        if (question != null) {
            question.answer = new ByteArrayOutputStream();
            question.failures.onFailed(instance);
            ask(question);
            askOn();
        }
    }

    private void merge(Question question) {
        try {
            String text = question.answer.toString(StandardCharsets.UTF_8);
            JsonObject page = JsonParser.parseString(text).getAsJsonObject();
            for (JsonElement each : page.getAsJsonArray("data")) {
                JsonObject model = each.getAsJsonObject();
                String name = model.get("id").getAsString();
                if (question.model.isEmpty() || names.contains(name)) {
                    found.putIfAbsent(name, model);
                }
            }
        } catch (RuntimeException notAList) {
            // What came before it counts; without the model itself another instance is asked.
            return;
        }
    }

    // ---- ending ----

    private void finish() {
        if (!done) {
            over();
            byte[] page = page().toString().getBytes(StandardCharsets.UTF_8);
            reply.whole(
                    Replies.of(HttpResponseStatus.OK, "application/json", page),
                    parts.clock().getAsLong());
            onDone.run();
        }
    }

    private JsonObject page() {
        JsonArray data = new JsonArray();
        for (String name : names) {
            JsonObject model = found.remove(name);
            data.add(model == null ? byName(name) : model);
        }
        found.values().forEach(data::add);
        JsonObject page = new JsonObject();
        page.addProperty("object", "list");
        page.add("data", data);
        return page;
    }

    private static JsonObject byName(String name) {
        JsonObject model = new JsonObject();
        model.addProperty("id", name);
        model.addProperty("object", "model");
        model.addProperty("created", 0);
        model.addProperty("owned_by", "kvlink");
        return model;
    }

    private void over() {
        done = true;
        waiting.clear();
        asked.keySet().forEach(UpstreamCall::cancel);
        asked.clear();
        if (deadline != null) {
            deadline.cancel(false);
        }
    }

    @Override
    public void onClientGone() {
        if (!done) {
            parts.metrics().clientsGone.inc();
            over();
            onDone.run();
        }
    }

    @Override
    public void onWritable() {}
}
