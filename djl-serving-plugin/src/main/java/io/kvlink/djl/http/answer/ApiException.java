// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.answer;

import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.http.HttpFault;
import io.netty.handler.codec.http.HttpResponseStatus;
import org.jspecify.annotations.Nullable;

/** A request that gets an OpenAI error object instead of an answer. */
public final class ApiException extends RuntimeException {

    private static final long serialVersionUID = 1L;
    private static final int SHOWN_CHARS = 60;

    private final transient HttpResponseStatus status;
    private final String type;
    private final @Nullable String param;
    private final @Nullable String code;

    /**
     * Makes one of any status.
     *
     * @param type OpenAI's word for the kind of error
     * @param param the request's field that is wrong
     * @param code OpenAI's word, or one of the same kind, for the error
     */
    public ApiException(
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
    public static ApiException invalid(
            @Nullable String param, @Nullable String code, String message) {
        return new ApiException(
                HttpResponseStatus.BAD_REQUEST, "invalid_request_error", param, code, message);
    }

    /** Refusal because there is too much to do: 429. */
    public static ApiException overloaded(String message) {
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
    public static ApiException of(GenerationException failure, String requestId) {
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

    /** Refusal because a thing can't be done here and now: 503. */
    public static ApiException unavailable(String code, String message) {
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
    public static ApiException of(HttpFault fault) {
        boolean busy = fault.status().equals(HttpResponseStatus.SERVICE_UNAVAILABLE);
        return new ApiException(
                fault.status(),
                busy ? "service_unavailable_error" : "invalid_request_error",
                null,
                fault.code(),
                fault.message());
    }

    /**
     * The value of a field is wrong: 400.
     *
     * @param value as the client wrote it
     * @param allowed what is expected
     */
    public static ApiException refused(String param, String value, String allowed) {
        return invalid(param, null, "%s=%s; expected %s".formatted(param, shown(value), allowed));
    }

    /** A client's text as a message shows it: its beginning. */
    public static String shown(String value) {
        return value.length() <= SHOWN_CHARS ? value : value.substring(0, SHOWN_CHARS) + "…";
    }

    /** The HTTP status of the answer. */
    public HttpResponseStatus status() {
        return status;
    }

    /** True if the same request may succeed a little later. */
    public boolean retryable() {
        return status.code() == 429 || status.code() == 503;
    }

    /** {@code {"error": …}} as OpenAI's clients read it. */
    public JsonObject body() {
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
