// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http.QueryStringDecoder;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequestTargetTest {

    @ParameterizedTest
    @CsvSource({
        "/v1/models, /v1/models",
        "/v1/models?a=//b/, /v1/models?a=//b/",
        "/v1/models/, /v1/models",
        "//v1///models//?x, /v1/models?x",
        "/, /",
        "//, /",
        "*, *",
        "http://host/v1/models, /v1/models",
        "HTTP://host:80//v1/models/?q=1, /v1/models?q=1",
        "https://host, /",
        "http://host?q=1, /?q=1",
        "ftp://host/x, ftp:/host/x",
        "/v1/models/http://x, /v1/models/http:/x",
        "/v1/models/a%2Fb%2F, /v1/models/a%2Fb%2F",
        "/a/../b, /a/../b",
        "host:443, host:443"
    })
    void shouldMeanTheSame(String uri, String plain) {
        assertThat(RequestTarget.plain(uri)).isEqualTo(plain);
        assertThat(RequestTarget.plain(plain)).isEqualTo(plain);
    }

    @ParameterizedTest
    @CsvSource({
        "/v1/%63ompletions, /v1/completions",
        "/v1/models/org%2Fb%20c, /v1/models/org/b c",
        "/v1/models/%e4%b8%ad, /v1/models/中",
        "/v1/models/a+b, /v1/models/a+b"
    })
    void shouldResolveEscapesOnce(String uri, String path) {
        assertThat(RequestTarget.decoded(uri).map(QueryStringDecoder::path)).contains(path);
    }

    @ParameterizedTest
    @CsvSource({"/v1/%", "/v1/models/%zz", "/v1/models?model=%a"})
    void shouldRefuseEscapesThatAreNone(String uri) {
        assertThat(RequestTarget.decoded(uri)).isEmpty();
    }

    @Property
    void nothingMakesATargetThrow(@ForAll String uri) {
        String plain = RequestTarget.plain(uri);
        assertThat(RequestTarget.plain(plain).length()).isLessThanOrEqualTo(uri.length() + 1);
        assertThat(RequestTarget.decoded(uri)).isNotNull();
    }
}
