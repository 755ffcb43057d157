// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.proxy.FakeInstance.Talk;
import java.net.Socket;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Questions of clients beside completions, and who may read the answers, byte by byte. */
class HttpEdgeTest {

    private static final String PAGE = "http://page.example";
    private static final String ORIGIN = "Origin: " + PAGE + "\r\n";
    private static final Map<String, String> OPEN = Map.of("cors_allowed_origins", PAGE);

    /** An instance that thinks it must say itself who may read its answers. */
    private static final FakeInstance.Script OPEN_INSTANCE =
            talk ->
                    talk.raw(
                            "HTTP/1.1 200 X\r\nContent-Type: text/plain\r\nX-Request-Id: ___prefill_addr_inner:1\r\n"
                                    + "Access-Control-Allow-Origin: http://inner\r\nVary: Origin\r\n"
                                    + "Access-Control-Allow-Credentials: true\r\nContent-Length: 2\r\n\r\n"
                                    + (talk.requestLine().startsWith("HEAD") ? "" : "ok"));

    private static Rig pair(Map<String, ?> settings) throws Exception {
        Rig rig = new Rig(settings);
        rig.prefill(OPEN_INSTANCE);
        rig.decode(OPEN_INSTANCE);
        return rig;
    }

    /** The answers on a connection that ends after them. */
    private static String ask(Rig rig, String line, String headers, String body) throws Exception {
        try (Socket client = rig.silentClient()) {
            String length = body.isEmpty() ? "" : "Content-Length: " + body.length() + "\r\n";
            client.getOutputStream()
                    .write(
                            (line
                                            + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                            + length
                                            + headers
                                            + "\r\n"
                                            + body)
                                    .getBytes(UTF_8));
            return new String(client.getInputStream().readAllBytes(), UTF_8);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    /v1/completions          | POST, OPTIONS
                    //v1/chat/completions/   | POST, OPTIONS
                    /v1/models/org/m         | GET, HEAD, OPTIONS
                    http://any/v1/models?a=b | GET, HEAD, OPTIONS
                    /health                  | GET, HEAD, OPTIONS
                    /metrics                 | GET, HEAD, OPTIONS
                    *                        | GET, HEAD, POST, OPTIONS
                    """)
    void shouldAnswerOptionsItself(String target, String allow) throws Exception {
        try (Rig rig = pair(OPEN)) {
            String plain = ask(rig, "OPTIONS " + target, "", "");
            assertThat(plain)
                    .startsWith("HTTP/1.1 204 ")
                    .containsIgnoringCase("\r\nallow: " + allow + "\r\n")
                    .doesNotContainIgnoringCase("access-control")
                    .endsWith("\r\n\r\n");
            String preflight =
                    ask(
                            rig,
                            "OPTIONS " + target,
                            ORIGIN
                                    + "Access-Control-Request-Method: POST\r\n"
                                    + "Access-Control-Request-Headers: authorization,x-a\r\n",
                            "");
            assertThat(preflight)
                    .startsWith("HTTP/1.1 204 ")
                    .containsIgnoringCase("access-control-allow-origin: " + PAGE)
                    .containsIgnoringCase("access-control-allow-headers: authorization,x-a")
                    .containsIgnoringCase("access-control-allow-methods: GET, HEAD, POST, OPTIONS");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    POST /v1/completions | {"prompt":"a"} | 200
                    POST /v1/completions | {               | 400
                    GET /v1/models       |                 | 200
                    GET /nowhere         |                 | 404
                    GET *                |                 | 404
                    GET /health%3Fa      |                 | 404
                    PUT /v1/models       |                 | 405
                    BREW /v1/models      |                 | 501
                    GET /v1/models/%zz   |                 | 400
                    GET /health          |                 | 200
                    """)
    void shouldSayInEveryAnswerOnceWhoMayReadIt(String line, String body, int status)
            throws Exception {
        try (Rig rig = pair(OPEN)) {
            String answer = ask(rig, line, ORIGIN, body == null ? "" : body);
            assertThat(answer)
                    .startsWith("HTTP/1.1 " + status + " ")
                    .containsIgnoringCase("access-control-allow-origin: " + PAGE + "\r\n")
                    .containsIgnoringCase("access-control-expose-headers: X-Request-Id")
                    .doesNotContain("inner", "Credentials");
            assertThat(answer.toLowerCase(java.util.Locale.ROOT).split("vary: origin", -1))
                    .hasSize(2);
        }
    }

    @Test
    void shouldDropWhatInstancesSayOfOriginsAlsoWhenItIsOff() throws Exception {
        try (Rig rig = pair(Map.of())) {
            assertThat(ask(rig, "POST /v1/completions", ORIGIN, "{}"))
                    .startsWith("HTTP/1.1 200 ")
                    .doesNotContainIgnoringCase("access-control");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1/models", "/v1/models/m", "/health", "/instances", "/metrics"})
    void shouldAnswerHeadWithoutABody(String path) throws Exception {
        try (Rig rig = pair(Map.of())) {
            assertThat(ask(rig, "HEAD " + path, "", ""))
                    .startsWith("HTTP/1.1 200 ")
                    .containsIgnoringCase("\r\ncontent-length: ")
                    .endsWith("\r\n\r\n");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "/v1/models/org/m, /v1/models/org/m",
        "/v1/models/org%2Fm, /v1/models/org%2Fm",
        "//v1/models//m/, /v1/models/m",
        "http://proxy:80/v1/models/m?x=1, /v1/models/m?x=1"
    })
    void shouldAskForTheModelThatIsMeant(String target, String asked) throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance decode = rig.decode(OPEN_INSTANCE);
            assertThat(ask(rig, "GET " + target, "", "")).endsWith("\r\n\r\nok");
            assertThat(decode.next().requestLine()).isEqualTo("GET " + asked + " HTTP/1.1");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "GET /LONG, 'A: b', 414, uri_too_long",
        "GET /, 'Cookie: LONGLONGLONGLONG', 431, headers_too_large",
        "GET /, 'no colon', 400, malformed_request",
        "POST /v1/completions, 'Transfer-Encoding: gzip', 501, transfer_encoding",
        "POST /v1/completions, 'Content-Length: 1048577', 413, request_too_large"
    })
    void shouldSayInOurWordsWhatCannotBeRead(String line, String header, int status, String code)
            throws Exception {
        String grown = "l".repeat(9_000);
        try (Rig rig = pair(OPEN)) {
            assertThat(
                            ask(
                                    rig,
                                    line.replace("LONG", grown),
                                    header.replace("LONG", grown) + "\r\n",
                                    ""))
                    .startsWith("HTTP/1.1 " + status + " ")
                    .contains("{\"error\":{\"message\":\"", "\"code\":\"" + code + "\"")
                    .doesNotContain("netty", "Exception");
            assertThat(ask(rig, "GET /v1/models", "", "")).startsWith("HTTP/1.1 200 ");
        }
    }

    @Test
    void shouldGiveAClientItsOwnIdBackAndInstancesAnother() throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance prefill = rig.prefill(OPEN_INSTANCE);
            FakeInstance decode = rig.decode(OPEN_INSTANCE);
            String id = "X-Request-Id: my-own/1\r\n";
            String forged = "X-KvLink-Client: other\r\n";
            assertThat(ask(rig, "POST /v1/completions", id + forged, "{}"))
                    .contains("X-Request-Id: my-own/1\r\n")
                    .doesNotContain("inner");
            for (Talk talk : new Talk[] {prefill.next(), decode.next()}) {
                assertThat(talk.header("X-Request-Id")).startsWith("___prefill_addr_");
                assertThat(talk.header("X-KvLink-Client")).isEqualTo("127.0.0.1");
            }
            assertThat(ask(rig, "GET /nowhere", id, "")).contains("X-Request-Id: my-own/1\r\n");
            assertThat(ask(rig, "POST /v1/completions", "", "{}"))
                    .containsPattern("X-Request-Id: [0-9a-f]{32}\r\n");
        }
    }

    @Test
    void shouldNameNoAddressWhenNobodyAnswers() throws Exception {
        try (Rig rig = new Rig()) {
            rig.register("D", FakeInstance.refusing());
            assertThat(ask(rig, "GET /v1/models", "", ""))
                    .startsWith("HTTP/1.1 502 ")
                    .doesNotContain("127.0.0.1");
        }
    }
}
