// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.multipart.Attribute;
import io.netty.handler.codec.http.multipart.DefaultHttpDataFactory;
import io.netty.handler.codec.http.multipart.HttpPostRequestDecoder;
import io.netty.handler.codec.http.multipart.InterfaceHttpData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The model that a request names as DJL Serving reads it: by query, by header, by form, in that
 * order. DJL Serving doesn't read the {@code model} of a JSON body.
 *
 * @param model DJL's {@code model_name}
 * @param version DJL's {@code model_version}
 */
record ModelAddress(Optional<String> model, Optional<String> version) {

    /** DJL's name of the header, of the field of a form, and of the query's parameter. */
    static final String MODEL = "model_name";

    private static final String VERSION = "model_version";
    private static final String ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes";

    static ModelAddress of(HttpRequest request) {
        QueryStringDecoder uri = new QueryStringDecoder(request.uri());
        Optional<String> model =
                parameter(uri, MODEL)
                        .or(() -> header(request, MODEL))
                        .or(() -> formField(request, MODEL));
        return new ModelAddress(model, parameter(uri, VERSION).or(() -> header(request, VERSION)));
    }

    private static Optional<String> parameter(QueryStringDecoder uri, String key) {
        try {
            List<String> values = uri.parameters().getOrDefault(key, List.of());
            return values.stream().findFirst().filter(value -> !value.isEmpty());
        } catch (IllegalArgumentException malformed) {
            // Whoever answers refuses it.
            return Optional.empty();
        }
    }

    /** Value of a header; of several the last, where SageMaker's attributes are headers too. */
    private static Optional<String> header(HttpRequest request, String key) {
        Optional<String> found = Optional.empty();
        for (Map.Entry<String, String> header : request.headers().entries()) {
            if (header.getKey().equalsIgnoreCase(key)) {
                found = Optional.of(header.getValue());
            } else if (header.getKey().equalsIgnoreCase(ATTRIBUTES)) {
                String before = found.orElse("");
                found = Optional.of(attribute(header.getValue(), key).orElse(before));
            }
        }
        return found.filter(value -> !value.isEmpty());
    }

    private static Optional<String> attribute(String attributes, String key) {
        Optional<String> found = Optional.empty();
        for (String attribute : attributes.split(";", -1)) {
            String[] pair = attribute.split("=", 2);
            if (pair.length == 2 && pair[0].trim().equalsIgnoreCase(key)) {
                found = Optional.of(pair[1].trim());
            }
        }
        return found;
    }

    private static Optional<String> formField(HttpRequest request, String key) {
        return request instanceof FullHttpRequest full && isForm(request)
                ? formField(full, key)
                : Optional.empty();
    }

    private static boolean isForm(HttpRequest request) {
        return HttpPostRequestDecoder.isMultipart(request)
                || HttpHeaderValues.APPLICATION_X_WWW_FORM_URLENCODED.contentEqualsIgnoreCase(
                        HttpUtil.getMimeType(request));
    }

    private static Optional<String> formField(FullHttpRequest request, String key) {
        HttpPostRequestDecoder form;
        try {
            form =
                    new HttpPostRequestDecoder(
                            new DefaultHttpDataFactory(false),
                            // The decoder moves the reader index, which is the server's.
                            request.replace(request.content().duplicate()),
                            StandardCharsets.UTF_8,
                            -1,
                            -1);
        } catch (DecoderException | IllegalArgumentException noForm) {
            return Optional.empty();
        }
        try {
            InterfaceHttpData field = form.getBodyHttpData(key);
            return field instanceof Attribute attribute
                    ? Optional.of(attribute.getValue()).filter(value -> !value.isEmpty())
                    : Optional.empty();
        } catch (IOException | DecoderException | IllegalArgumentException noForm) {
            return Optional.empty();
        } finally {
            form.destroy();
        }
    }
}
