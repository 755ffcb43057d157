// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import io.kvlink.http.HttpFault;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpVersion;
import java.nio.charset.StandardCharsets;

/** Builds the answers that are the proxy's own. */
final class Replies {

    private Replies() {}

    /** OpenAI's error object as an answer. */
    static FullHttpResponse error(HttpResponseStatus status, String code, String message) {
        byte[] body = errorBody(status, code, message).getBytes(StandardCharsets.UTF_8);
        return of(status, "application/json", body);
    }

    /** OpenAI's error object as JSON. */
    static String errorBody(HttpResponseStatus status, String code, String message) {
        boolean clients = status.codeClass() == HttpStatusClass.CLIENT_ERROR;
        JsonObject error = new JsonObject();
        error.addProperty("message", message);
        error.addProperty("type", clients ? "invalid_request_error" : "server_error");
        error.add("param", JsonNull.INSTANCE);
        error.addProperty("code", code);
        JsonObject body = new JsonObject();
        body.add("error", error);
        return body.toString();
    }

    /** The request can't be read, and its connection ends. */
    static FullHttpResponse fault(HttpFault fault) {
        FullHttpResponse response =
                fault.status().equals(HttpResponseStatus.SERVICE_UNAVAILABLE)
                        ? busy(fault.message())
                        : error(fault.status(), fault.code(), fault.message());
        response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        return response;
    }

    /** The methods of a path. */
    static FullHttpResponse methods(String allow) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1, HttpResponseStatus.NO_CONTENT, Unpooled.EMPTY_BUFFER);
        response.headers().set(HttpHeaderNames.ALLOW, allow);
        return response;
    }

    /** There is no room for the request now; a little later there may be. */
    static FullHttpResponse busy(String message) {
        FullHttpResponse response = error(HttpResponseStatus.SERVICE_UNAVAILABLE, "busy", message);
        response.headers().set(HttpHeaderNames.RETRY_AFTER, 1);
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
    static FullHttpResponse noInstance(Fleet fleet, boolean alone) {
        boolean noDecode = fleet.count(Role.DECODE) == 0;
        boolean noPrefill = !alone && fleet.count(Role.PREFILL) == 0;
        String who = !noDecode ? "prefill" : noPrefill ? "prefill and no decode" : "decode";
        FullHttpResponse response =
                error(
                        HttpResponseStatus.SERVICE_UNAVAILABLE,
                        "no_instance",
                        "No %s instance is registered; the proxy's /instances lists those that are."
                                .formatted(who));
        response.headers().set(HttpHeaderNames.RETRY_AFTER, 3);
        return response;
    }

    static FullHttpResponse of(HttpResponseStatus status, String contentType, byte[] body) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1, status, Unpooled.wrappedBuffer(body));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, contentType)
                .set(HttpHeaderNames.CONTENT_LENGTH, body.length);
        return response;
    }
}
