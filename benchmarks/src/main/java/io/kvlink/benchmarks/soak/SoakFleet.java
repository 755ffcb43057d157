// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.soak;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Memory and transfers of a proxy's instances. One thread. */
final class SoakFleet {

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    private final String proxy;

    SoakFleet(String proxy) {
        this.proxy = proxy;
    }

    /**
     * Waits until no instance has a request or holds KV.
     *
     * @param limitNs how long; after that the figures are returned as they are
     * @return a line for each instance
     */
    List<String> awaitRest(long limitNs) throws IOException, InterruptedException {
        long beganNs = System.nanoTime();
        while (true) {
            boolean rest = true;
            List<String> lines = new ArrayList<>();
            for (String instance : instances()) {
                for (JsonElement each :
                        get("http://" + instance + "/kvlink/status").getAsJsonArray("models")) {
                    JsonObject model = each.getAsJsonObject();
                    rest &= atRest(model);
                    lines.add(instance + " " + held(model));
                }
            }
            if (rest || System.nanoTime() - beganNs > limitNs) {
                return lines;
            }
            TimeUnit.MILLISECONDS.sleep(100);
        }
    }

    private List<String> instances() throws IOException, InterruptedException {
        List<String> addresses = new ArrayList<>();
        for (JsonElement each : get(proxy + "/instances").getAsJsonArray("instances")) {
            addresses.add(each.getAsJsonObject().get("http_address").getAsString());
        }
        addresses.sort(null);
        return addresses;
    }

    private static boolean atRest(JsonObject model) {
        JsonObject ledger = model.getAsJsonObject("ledger");
        return model.get("waiting").getAsInt() == 0
                && model.get("running").getAsInt() == 0
                && model.get("free_tokens").equals(model.get("total_tokens"))
                && ledger.get("buffer_bytes").getAsLong() == 0
                && ledger.get("leases").getAsLong() == 0
                && ledger.get("transfers").getAsLong() == 0;
    }

    private static String held(JsonObject model) {
        StringBuilder line = new StringBuilder();
        for (String key : List.of("role", "waiting", "running", "free_tokens", "total_tokens")) {
            line.append(key).append('=').append(model.get(key).getAsString()).append(' ');
        }
        return line.append("ledger=").append(model.get("ledger")).toString();
    }

    private JsonObject get(String url) throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(10)).build();
        String body = http.send(request, HttpResponse.BodyHandlers.ofString()).body();
        return JsonParser.parseString(body).getAsJsonObject();
    }
}
