// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.JsonObject;
import io.kvlink.djl.worker.GenerationException;
import io.kvlink.http.HttpFault;
import io.netty.handler.codec.http.HttpResponseStatus;
import org.jspecify.annotations.Nullable;

/** A request that gets an OpenAI error object instead of an answer. */
final class ApiException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient HttpResponseStatus status;
    private final String type;
    private final @Nullable String param;
    private final @Nullable String code;

    ApiException(
            HttpResponseStatus status,
            String type,
            @Nullable String param,
            @Nullable String code,
            String message) {
        super(message);
        this.status = status;
        this.type = type;
        this.param = param;
        this.code = code;
    }

    /** The request is wrong: 400. */
    static ApiException invalid(@Nullable String param, @Nullable String code, String message) {
        return new ApiException(
                HttpResponseStatus.BAD_REQUEST, "invalid_request_error", param, code, message);
    }

    /** There is too much to do: 429. */
    static ApiException overloaded(String message) {
        return new ApiException(
                HttpResponseStatus.TOO_MANY_REQUESTS,
                "rate_limit_error",
                null,
                "overloaded",
                message);
    }

    /**
     * A failure of the worker as a status.
     *
     * @param requestId for the log
     */
    static ApiException of(GenerationException failure, String requestId) {
        String message = ClientText.of(String.valueOf(failure.getMessage()));
        return switch (failure.kind()) {
            case INVALID -> invalid(null, null, message);
            case OVERLOADED -> overloaded(message);
            case TIMEOUT ->
                    new ApiException(
                            HttpResponseStatus.GATEWAY_TIMEOUT,
                            "timeout_error",
                            null,
                            "request_timeout",
                            message);
            case CLOSED -> unavailable("closed", message);
            case KV_LOAD ->
                    new ApiException(
                            HttpResponseStatus.BAD_GATEWAY,
                            "kv_load_error",
                            null,
                            "kv_load_failed",
                            message);
            case INTERNAL -> {
                Defects.log(requestId, failure);
                yield internal(message);
            }
        };
    }

    /** Not here, not now: 503. */
    static ApiException unavailable(String code, String message) {
        return new ApiException(
                HttpResponseStatus.SERVICE_UNAVAILABLE,
                "service_unavailable_error",
                null,
                code,
                message);
    }

    /** A defect here: 500. Its exception's text is for the log alone. */
    static ApiException internal(String message) {
        return new ApiException(
                HttpResponseStatus.INTERNAL_SERVER_ERROR,
                "internal_error",
                null,
                "internal",
                message);
    }

    /** The request can't be read. */
    static ApiException of(HttpFault fault) {
        boolean busy = fault.status().equals(HttpResponseStatus.SERVICE_UNAVAILABLE);
        return new ApiException(
                fault.status(),
                busy ? "service_unavailable_error" : "invalid_request_error",
                null,
                fault.code(),
                fault.message());
    }

    HttpResponseStatus status() {
        return status;
    }

    /** True if the same request may succeed a little later. */
    boolean retryable() {
        return status.code() == 429 || status.code() == 503;
    }

    /** {@code {"error": …}} as OpenAI's clients read it. */
    JsonObject body() {
        JsonObject error = new JsonObject();
        error.addProperty("message", getMessage());
        error.addProperty("type", type);
        error.addProperty("param", param);
        error.addProperty("code", code);
        JsonObject body = new JsonObject();
        body.add("error", error);
        return body;
    }
}
