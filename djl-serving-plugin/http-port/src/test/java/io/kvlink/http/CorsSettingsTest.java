// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import org.junit.jupiter.api.Test;

class CorsSettingsTest {

    private static final String PAGE = "https://page.example:8443";

    private static HttpRequest request(HttpMethod method, String... headers) {
        HttpRequest request = new DefaultHttpRequest(HttpVersion.HTTP_1_1, method, "/v1/models");
        for (int i = 0; i < headers.length; i += 2) {
            request.headers().add(headers[i], headers[i + 1]);
        }
        return request;
    }

    private static HttpHeaders answered(CorsSettings cors, HttpRequest request) {
        HttpHeaders answer = new DefaultHttpHeaders();
        cors.answer(answer, request);
        return answer;
    }

    private static HttpRequest preflight(String origin) {
        return request(
                HttpMethod.OPTIONS,
                "Origin",
                origin,
                "Access-Control-Request-Method",
                "POST",
                "Access-Control-Request-Headers",
                "authorization,x-stainless-os");
    }

    @Test
    void shouldSayNothingUnlessItIsToldTo() {
        assertThat(CorsSettings.NONE.enabled()).isFalse();
        assertThat(answered(CorsSettings.NONE, request(HttpMethod.GET, "Origin", PAGE))).isEmpty();
        assertThat(answered(CorsSettings.NONE, preflight(PAGE))).isEmpty();
    }

    @Test
    void shouldNameThePageThatMayReadTheAnswer() {
        CorsSettings cors = CorsSettings.of(" https://other , " + PAGE, "", "");
        HttpHeaders allowed = answered(cors, request(HttpMethod.GET, "Origin", PAGE));
        assertThat(allowed.get("Access-Control-Allow-Origin")).isEqualTo(PAGE);
        assertThat(allowed.getAll("Vary")).containsExactly("origin");
        assertThat(allowed.get("Access-Control-Expose-Headers"))
                .contains("X-Request-Id", "Retry-After");
        for (HttpRequest stranger :
                new HttpRequest[] {
                    request(HttpMethod.GET, "Origin", "https://evil"),
                    request(HttpMethod.GET, "Origin", "null"),
                    request(HttpMethod.GET),
                    preflight(PAGE + "0")
                }) {
            HttpHeaders refused = answered(cors, stranger);
            assertThat(refused.contains("Access-Control-Allow-Origin")).isFalse();
            // A cache must not give it to the page that is allowed.
            assertThat(refused.getAll("Vary")).containsExactly("origin");
        }
    }

    @Test
    void shouldNameTheOnlyPageWhereHeadersWereNotRead() {
        HttpRequest unread = request(HttpMethod.GET);
        unread.setDecoderResult(DecoderResult.failure(new IllegalArgumentException("meant")));
        assertThat(
                        answered(CorsSettings.of(PAGE, "", ""), unread)
                                .get("Access-Control-Allow-Origin"))
                .isEqualTo(PAGE);
        assertThat(answered(CorsSettings.of(PAGE + ",http://b", "", ""), unread).names())
                .containsExactly("vary");
    }

    @Test
    void shouldAllowEachPageByAStar() {
        HttpHeaders answer =
                answered(CorsSettings.of("*", "*", "*"), request(HttpMethod.GET, "Origin", PAGE));
        assertThat(answer.get("Access-Control-Allow-Origin")).isEqualTo("*");
        assertThat(answer.contains("Vary")).isFalse();
        assertThat(answer.contains("Access-Control-Allow-Credentials")).isFalse();
    }

    @Test
    void shouldAllowTheHeadersThatAPageAsksFor() {
        HttpHeaders answer = answered(CorsSettings.of(PAGE, "", ""), preflight(PAGE));
        assertThat(answer.get("Access-Control-Allow-Headers"))
                .isEqualTo("authorization,x-stainless-os");
        assertThat(answer.get("Access-Control-Allow-Methods"))
                .isEqualTo("GET, HEAD, POST, OPTIONS");
        assertThat(answer.get("Access-Control-Max-Age")).isEqualTo("86400");
        assertThat(answer.getAll("Vary"))
                .containsExactly("origin", "access-control-request-headers");
    }

    @Test
    void shouldAllowNoMoreThanItIsTold() {
        HttpHeaders answer =
                answered(CorsSettings.of(PAGE, "POST", "Authorization, X-A"), preflight(PAGE));
        assertThat(answer.get("Access-Control-Allow-Headers")).isEqualTo("Authorization, X-A");
        assertThat(answer.get("Access-Control-Allow-Methods")).isEqualTo("POST");
    }

    @Test
    void shouldReplaceWhatAnAnswerSaysAlready() {
        HttpHeaders answer =
                new DefaultHttpHeaders()
                        .add("Access-Control-Allow-Origin", "https://instance")
                        .add("Access-Control-Allow-Origin", "*")
                        .add("Access-Control-Allow-Credentials", "true")
                        .add("Vary", "Accept, Origin");
        CorsSettings.of(PAGE, "", "").answer(answer, request(HttpMethod.GET, "Origin", PAGE));
        assertThat(answer.getAll("Access-Control-Allow-Origin")).containsExactly(PAGE);
        assertThat(answer.contains("Access-Control-Allow-Credentials")).isFalse();
        assertThat(answer.getAll("Vary")).containsExactly("Accept, Origin");
    }
}
