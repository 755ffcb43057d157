// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reason why a request can't be read, in words of our own. The connection ends after its answer,
 * but for {@link #BAD_TARGET}.
 *
 * @param status of the answer
 * @param code for programs
 * @param message for people
 */
public record HttpFault(HttpResponseStatus status, String code, String message) {

    /** A target that isn't one. The connection may stay. */
    public static final HttpFault BAD_TARGET =
            new HttpFault(
                    HttpResponseStatus.BAD_REQUEST,
                    "malformed_target",
                    "the request's target has a % without two hexadecimal digits behind it");

    /** Most bytes of a request line. */
    static final int MAX_LINE_BYTES = 8 * 1024;

    /** Most bytes of all headers of a request. */
    static final int MAX_HEADER_BYTES = 32 * 1024;

    private static final Set<HttpMethod> METHODS =
            Set.of(
                    HttpMethod.GET,
                    HttpMethod.HEAD,
                    HttpMethod.POST,
                    HttpMethod.PUT,
                    HttpMethod.PATCH,
                    HttpMethod.DELETE,
                    HttpMethod.OPTIONS);

    /** Carries a fault where Netty carries a decoder's failure: in a request's decoder result. */
    static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;
        private final transient HttpFault fault;

        RefusedException(HttpFault fault) {
            super(fault.message, null, false, false);
            this.fault = fault;
        }
    }

    /** A request's fault, if its decoder or a {@link RequestCollector} found one. */
    public static Optional<HttpFault> of(HttpRequest request) {
        DecoderResult result = request.decoderResult();
        return result.isSuccess() ? Optional.empty() : Optional.of(of(result.cause()));
    }

    private static HttpFault of(Throwable cause) {
        if (cause instanceof RefusedException refused) {
            return refused.fault;
        }
        if (cause instanceof TooLongHttpLineException) {
            return new HttpFault(
                    HttpResponseStatus.REQUEST_URI_TOO_LONG,
                    "uri_too_long",
                    "the request line is too long; shorten it");
        }
        if (cause instanceof TooLongHttpHeaderException) {
            return new HttpFault(
                    HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "headers_too_large",
                    "the request's headers are too long; shorten them");
        }
        return new HttpFault(
                HttpResponseStatus.BAD_REQUEST,
                "malformed_request",
                "the request is not HTTP/1.1; check what speaks to this port");
    }

    /** The fault of a readable head that asks for what nobody does here. */
    static Optional<HttpFault> ofHead(HttpRequest head) {
        HttpVersion version = head.protocolVersion();
        if (version.majorVersion() != 1) {
            return fault(
                    HttpResponseStatus.HTTP_VERSION_NOT_SUPPORTED,
                    "http_version",
                    "the request's version is not spoken here; use HTTP/1.1");
        }
        if (!METHODS.contains(head.method())) {
            return fault(
                    HttpResponseStatus.NOT_IMPLEMENTED,
                    "method_not_implemented",
                    "the request's method is not known here; expected GET, HEAD, POST or OPTIONS");
        }
        List<String> codings = head.headers().getAll(HttpHeaderNames.TRANSFER_ENCODING);
        if (!codings.isEmpty() && !String.join(",", codings).equalsIgnoreCase("chunked")) {
            return fault(
                    HttpResponseStatus.NOT_IMPLEMENTED,
                    "transfer_encoding",
                    "the body's Transfer-Encoding is not read here; expected chunked alone");
        }
        String packed = head.headers().get(HttpHeaderNames.CONTENT_ENCODING, "identity");
        if (!packed.isBlank() && !packed.equalsIgnoreCase("identity")) {
            return fault(
                    HttpResponseStatus.UNSUPPORTED_MEDIA_TYPE,
                    "content_encoding",
                    "the body's Content-Encoding is not read here; send the JSON as it is");
        }
        if (version.compareTo(HttpVersion.HTTP_1_1) >= 0
                && head.headers().contains(HttpHeaderNames.EXPECT)
                && !HttpUtil.is100ContinueExpected(head)) {
            return fault(
                    HttpResponseStatus.EXPECTATION_FAILED,
                    "expectation",
                    "the only expectation met is 100-continue");
        }
        return Optional.empty();
    }

    private static Optional<HttpFault> fault(
            HttpResponseStatus status, String code, String message) {
        return Optional.of(new HttpFault(status, code, message));
    }
}
