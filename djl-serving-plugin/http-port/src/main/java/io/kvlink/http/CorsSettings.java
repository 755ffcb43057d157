// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Pages of other origins that a browser lets read the answers. Credentials such as cookies are
 * never asked for; an API key is a header like others. Immutable.
 *
 * @param origins those allowed, such as {@code https://chat.example:8443}; {@code *} allows each;
 *     none turns all of this off
 * @param methods those told to a browser that asks
 * @param headers those told to a browser that asks; {@code *} allows whatever it asks for
 */
public record CorsSettings(List<String> origins, List<String> methods, List<String> headers) {

    /** Settings without pages of another origin, which is the default. */
    public static final CorsSettings NONE = of("", "", "");

    private static final String ANY = "*";
    private static final String METHODS = "GET, HEAD, POST, OPTIONS";
    // Longer than any browser keeps an answer to its question.
    private static final String MAX_AGE_S = "86400";
    // Without this a page sees none of them.
    private static final String EXPOSED = "X-Request-Id, Retry-After, X-Should-Retry, Allow";

    public CorsSettings {
        origins = List.copyOf(origins);
        methods = List.copyOf(methods);
        headers = List.copyOf(headers);
    }

    /**
     * Reads texts with commas, as DJL Serving's {@code cors_allowed_…} are.
     *
     * @param origins empty for none
     * @param methods empty for those there are
     * @param headers empty for whatever a page asks for
     */
    public static CorsSettings of(String origins, String methods, String headers) {
        return new CorsSettings(
                listed(origins),
                listed(methods.isBlank() || methods.strip().equals(ANY) ? METHODS : methods),
                listed(headers.isBlank() ? ANY : headers));
    }

    private static List<String> listed(String text) {
        return Arrays.stream(text.split(",", 0))
                .map(String::strip)
                .filter(part -> !part.isEmpty())
                .toList();
    }

    /** True if any page of another origin may read answers. */
    boolean enabled() {
        return !origins.isEmpty();
    }

    /** The origin of the page that a request comes from; null if it comes from no page. */
    private static @Nullable String originOf(HttpRequest request) {
        return request.headers().get(HttpHeaderNames.ORIGIN);
    }

    /** True if a browser asks what a page may do, before it does it. */
    private static boolean isPreflight(HttpRequest request) {
        return request.method().equals(HttpMethod.OPTIONS)
                && request.headers().contains(HttpHeaderNames.ORIGIN)
                && request.headers().contains(HttpHeaderNames.ACCESS_CONTROL_REQUEST_METHOD);
    }

    /** Adds the headers to an answer, in place of those that it has already. */
    void addTo(HttpHeaders answer, @Nullable String origin) {
        dropFrom(answer);
        if (!enabled()) {
            return;
        }
        if (!origins.contains(ANY)) {
            // Also where there is no origin: a cache may give the answer to a page that has one.
            vary(answer, HttpHeaderNames.ORIGIN.toString());
        }
        if (origin != null && allows(origin)) {
            answer.set(
                    HttpHeaderNames.ACCESS_CONTROL_ALLOW_ORIGIN,
                    origins.contains(ANY) ? ANY : origin);
            answer.set(HttpHeaderNames.ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    /**
     * Says in the answer to a request who may read it, and after a preflight what a page may do.
     */
    public void answer(HttpHeaders answer, HttpRequest request) {
        String origin = originOf(request);
        if (isPreflight(request)) {
            addPreflightTo(answer, request);
        } else if (origin == null && request.decoderResult().isFailure() && origins.size() == 1) {
            // Its headers weren't read. The one page that may read the answer is known even so.
            addTo(answer, origins.get(0));
        } else {
            addTo(answer, origin);
        }
    }

    private void addPreflightTo(HttpHeaders answer, HttpRequest request) {
        String origin = originOf(request);
        addTo(answer, origin);
        if (origin == null || !allows(origin)) {
            return;
        }
        answer.remove(HttpHeaderNames.ACCESS_CONTROL_EXPOSE_HEADERS);
        answer.set(HttpHeaderNames.ACCESS_CONTROL_ALLOW_METHODS, String.join(", ", methods));
        answer.set(HttpHeaderNames.ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
        // Not "*": that never means Authorization.
        String allowed =
                headers.contains(ANY)
                        ? request.headers().get(HttpHeaderNames.ACCESS_CONTROL_REQUEST_HEADERS)
                        : String.join(", ", headers);
        if (allowed != null && !allowed.isBlank()) {
            answer.set(HttpHeaderNames.ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
        vary(answer, HttpHeaderNames.ACCESS_CONTROL_REQUEST_HEADERS.toString());
    }

    private boolean allows(String origin) {
        return origins.contains(ANY) || origins.contains(origin);
    }

    private static void dropFrom(HttpHeaders answer) {
        for (CharSequence name :
                List.of(
                        HttpHeaderNames.ACCESS_CONTROL_ALLOW_ORIGIN,
                        HttpHeaderNames.ACCESS_CONTROL_ALLOW_CREDENTIALS,
                        HttpHeaderNames.ACCESS_CONTROL_ALLOW_METHODS,
                        HttpHeaderNames.ACCESS_CONTROL_ALLOW_HEADERS,
                        HttpHeaderNames.ACCESS_CONTROL_EXPOSE_HEADERS,
                        HttpHeaderNames.ACCESS_CONTROL_MAX_AGE)) {
            answer.remove(name);
        }
    }

    private static void vary(HttpHeaders answer, String name) {
        if (!answer.containsValue(HttpHeaderNames.VARY, name, true)) {
            answer.add(HttpHeaderNames.VARY, name);
        }
    }
}
