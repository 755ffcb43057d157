// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import com.google.gson.JsonObject;
import io.kvlink.http.HttpFault;
import io.kvlink.proxy.fleet.Fleet;
import io.kvlink.proxy.fleet.Role;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Builds the answers that are the proxy's own. */
public final class Replies {

    private static final int SHOWN_CHARS = 60;

    private Replies() {}

    /** OpenAI's error object as an answer. */
    public static FullHttpResponse error(HttpResponseStatus status, String code, String message) {
        byte[] body = errorBody(status, code, message).getBytes(StandardCharsets.UTF_8);
        return of(status, "application/json", body);
    }

    /** OpenAI's error object as JSON. */
    static String errorBody(HttpResponseStatus status, String code, String message) {
        return errorObject(status, null, code, message).toString();
    }

    private static JsonObject errorObject(
            HttpResponseStatus status,
            @Nullable String param,
            @Nullable String code,
            String message) {
        boolean clients = status.codeClass() == HttpStatusClass.CLIENT_ERROR;
        JsonObject error = new JsonObject();
        error.addProperty("message", message);
        error.addProperty("type", clients ? "invalid_request_error" : "server_error");
        error.addProperty("param", param);
        error.addProperty("code", code);
        JsonObject body = new JsonObject();
        body.add("error", error);
        return body;
    }

    /** The request can't be read, and its connection ends. */
    public static FullHttpResponse fault(HttpFault fault) {
        FullHttpResponse response =
                fault.status().equals(HttpResponseStatus.SERVICE_UNAVAILABLE)
                        ? busy(fault.message())
                        : error(fault.status(), fault.code(), fault.message());
        response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        return response;
    }

    /** The methods of a path. */
    public static FullHttpResponse methods(String allow) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1, HttpResponseStatus.NO_CONTENT, Unpooled.EMPTY_BUFFER);
        response.headers().set(HttpHeaderNames.ALLOW, allow);
        return response;
    }

    /** Answer for a request that there is no room for now; a little later there may be. */
    public static FullHttpResponse busy(String message) {
        FullHttpResponse response = error(HttpResponseStatus.SERVICE_UNAVAILABLE, "busy", message);
        response.headers().set(HttpHeaderNames.RETRY_AFTER, 1);
        return response;
    }

    /** The request names no model, and there are several. In an instance's words. */
    public static FullHttpResponse modelMissing(List<String> known) {
        return model(
                HttpResponseStatus.BAD_REQUEST, null, "model is missing; expected one of " + known);
    }

    /** Nobody serves the model. In an instance's words. */
    public static FullHttpResponse modelNotFound(String name, List<String> known) {
        return model(
                HttpResponseStatus.NOT_FOUND,
                "model_not_found",
                "model=%s; expected one of %s".formatted(shown(name), known));
    }

    private static FullHttpResponse model(
            HttpResponseStatus status, @Nullable String code, String message) {
        JsonObject body = errorObject(status, "model", code, message);
        return of(status, "application/json", body.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** A client's text as a message shows it: its beginning. */
    private static String shown(String value) {
        return value.length() <= SHOWN_CHARS ? value : value.substring(0, SHOWN_CHARS) + "…";
    }

    /** Every decode instance takes nothing now. */
    static FullHttpResponse unavailable(long retryAfterSeconds, String transfer) {
        FullHttpResponse response =
                error(
                        HttpResponseStatus.SERVICE_UNAVAILABLE,
                        "unavailable",
                        "No decode instance takes the request now; transfer=" + transfer);
        response.headers().set(HttpHeaderNames.RETRY_AFTER, retryAfterSeconds);
        return response;
    }

    /** No decode instance answered. */
    static FullHttpResponse decodeFailed(String transfer) {
        return error(
                HttpResponseStatus.BAD_GATEWAY,
                "decode_failed",
                "The decode instance gave no answer, and there is no other; transfer=" + transfer);
    }

    /** The deadline of the whole request passed. */
    static FullHttpResponse deadline(String transfer) {
        return error(
                HttpResponseStatus.GATEWAY_TIMEOUT,
                "deadline",
                "The instances gave no answer in time; transfer=" + transfer);
    }

    /** Nobody is there to serve a request; that may change with the next heartbeat. */
    static FullHttpResponse noInstance(Fleet fleet, String model, boolean alone) {
        boolean noDecode = fleet.count(Role.DECODE, model) == 0;
        boolean noPrefill = !alone && fleet.count(Role.PREFILL, model) == 0;
        if (!noDecode && !noPrefill && !alone) {
            return noInstance("No two instances%s exchange KV".formatted(whose(model)));
        }
        String who = !noDecode ? "prefill" : noPrefill ? "prefill and no decode" : "decode";
        return noInstance("No %s instance%s is registered".formatted(who, whose(model)));
    }

    private static String whose(String model) {
        return model.isEmpty() ? "" : " of model=" + model;
    }

    private static FullHttpResponse noInstance(String why) {
        FullHttpResponse response =
                error(
                        HttpResponseStatus.SERVICE_UNAVAILABLE,
                        "no_instance",
                        why + "; the proxy's /instances lists those that are.");
        response.headers().set(HttpHeaderNames.RETRY_AFTER, 3);
        return response;
    }

    public static FullHttpResponse of(HttpResponseStatus status, String contentType, byte[] body) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1, status, Unpooled.wrappedBuffer(body));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, contentType)
                .set(HttpHeaderNames.CONTENT_LENGTH, body.length);
        return response;
    }
}
