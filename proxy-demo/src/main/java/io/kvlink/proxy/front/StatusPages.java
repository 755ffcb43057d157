// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.front;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.kvlink.proxy.exchange.ProxyParts;
import io.kvlink.proxy.exchange.Replies;
import io.kvlink.proxy.fleet.Instance;
import io.kvlink.proxy.fleet.InstanceTable;
import io.kvlink.proxy.fleet.Reported;
import io.kvlink.proxy.fleet.Role;
import io.kvlink.spi.HostPort;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The pages that say how the proxy is. Used from any thread. */
final class StatusPages {

    private final ProxyParts parts;
    private final Health health;

    StatusPages(ProxyParts parts) {
        this.parts = parts;
        this.health = new Health(parts);
    }

    FullHttpResponse of(String path) {
        return switch (path) {
            case "/health", "/health/ready" -> verdict(health.whyNotReady());
            case "/health/live" -> verdict(health.whyNotLive());
            case "/instances" -> json(HttpResponseStatus.OK, instances());
            case "/kvlink/status" -> json(HttpResponseStatus.OK, status());
            case "/metrics" ->
                    Replies.of(
                            HttpResponseStatus.OK,
                            PrometheusTextFormatWriter.CONTENT_TYPE,
                            parts.metrics().text());
            default -> throw new IllegalArgumentException("path=" + path);
        };
    }

    private FullHttpResponse verdict(List<String> complaints) {
        JsonObject page = new JsonObject();
        page.addProperty("status", complaints.isEmpty() ? "ok" : "unavailable");
        JsonArray reasons = new JsonArray();
        complaints.forEach(reasons::add);
        page.add("reasons", reasons);
        page.addProperty("prefill", parts.fleet().count(Role.PREFILL));
        page.addProperty("decode", parts.fleet().count(Role.DECODE));
        return json(
                complaints.isEmpty()
                        ? HttpResponseStatus.OK
                        : HttpResponseStatus.SERVICE_UNAVAILABLE,
                page);
    }

    private JsonObject status() {
        JsonObject page = new JsonObject();
        page.addProperty("role", "proxy");
        page.addProperty("discovery_address", parts.discovery().address().toString());
        page.addProperty("discovery_alive", health.discoveryAlive());
        page.addProperty("live", health.whyNotLive().isEmpty());
        page.addProperty("ready", health.whyNotReady().isEmpty());
        page.addProperty("prefill", parts.fleet().count(Role.PREFILL));
        page.addProperty("decode", parts.fleet().count(Role.DECODE));
        page.addProperty("requests_in_flight", (long) parts.metrics().inFlight.get());
        page.add("models", models());
        page.add("instances", instances().get("instances"));
        return page;
    }

    private JsonArray models() {
        JsonArray list = new JsonArray();
        for (String model : parts.fleet().models()) {
            JsonObject entry = new JsonObject();
            entry.addProperty("model", model);
            entry.addProperty("prefill", parts.fleet().count(Role.PREFILL, model));
            entry.addProperty("decode", parts.fleet().count(Role.DECODE, model));
            entry.addProperty("ready", health.serves(model));
            list.add(entry);
        }
        return list;
    }

    private JsonObject instances() {
        long now = parts.clock().getAsLong();
        JsonArray list = new JsonArray();
        for (InstanceTable.Seen seen : parts.table().snapshot().all()) {
            Instance instance = seen.instance();
            JsonObject entry = new JsonObject();
            entry.addProperty("type", instance.role().letter());
            entry.addProperty("http_address", instance.http().toString());
            entry.addProperty("zmq_address", instance.zmq().map(HostPort::toString).orElse(null));
            entry.addProperty("epoch", instance.epoch());
            entry.addProperty("process", instance.process());
            entry.addProperty("model", instance.model());
            add(entry, instance.reported());
            entry.addProperty("silent_ms", TimeUnit.NANOSECONDS.toMillis(now - seen.seenNs()));
            entry.addProperty("skipped", parts.fleet().skipped(instance));
            list.add(entry);
        }
        JsonObject page = new JsonObject();
        page.add("instances", list);
        return page;
    }

    private static void add(JsonObject entry, Reported reported) {
        entry.addProperty("role", reported.role());
        entry.addProperty("version", reported.version());
        entry.addProperty("kv_protocol", reported.kvProtocol());
        JsonArray capabilities = new JsonArray();
        reported.capabilities().forEach(capabilities::add);
        entry.add("capabilities", capabilities);
        entry.addProperty("queue", reported.queue());
        entry.addProperty("running", reported.running());
        entry.addProperty("free_kv_tokens", reported.freeKvTokens());
    }

    private static FullHttpResponse json(HttpResponseStatus status, JsonObject page) {
        return Replies.of(
                status, "application/json", page.toString().getBytes(StandardCharsets.UTF_8));
    }
}
