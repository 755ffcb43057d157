// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import io.netty.handler.codec.http.QueryStringDecoder;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Target of a request line. Clients of proxies write a whole URL there ({@code GET
 * http://host/v1/models}). Clients with a base URL that ends in a slash write two, and some write
 * one at the end. All mean the same here. Segments {@code .} and {@code ..} mean nothing.
 */
public final class RequestTarget {

    /** The target of {@code OPTIONS *}: the server itself. */
    public static final String SERVER = "*";

    private RequestTarget() {}

    /**
     * The target as a path and a query: no scheme and host, no two slashes in a row, none at the
     * end of the path. Escapes stay as they are, so {@code %2F} belongs to a name.
     */
    public static String plain(String uri) {
        String origin = origin(uri);
        int query = origin.indexOf('?');
        String path = query < 0 ? origin : origin.substring(0, query);
        StringBuilder plain = new StringBuilder(origin.length());
        for (int i = 0; i < path.length(); i++) {
            char c = path.charAt(i);
            if (c != '/' || plain.isEmpty() || plain.charAt(plain.length() - 1) != '/') {
                plain.append(c);
            }
        }
        if (plain.length() > 1 && plain.charAt(plain.length() - 1) == '/') {
            plain.setLength(plain.length() - 1);
        }
        return plain.append(origin, path.length(), origin.length()).toString();
    }

    /**
     * The path and the parameters of a target, with their escapes resolved.
     *
     * @return empty if an escape is none: {@link HttpFault#BAD_TARGET}
     */
    public static Optional<QueryStringDecoder> decoded(String uri) {
        QueryStringDecoder decoder = new QueryStringDecoder(plain(uri));
        try {
            String unusedPath = decoder.path();
            Map<String, List<String>> unusedParameters = decoder.parameters();
            return Optional.of(decoder);
        } catch (IllegalArgumentException malformed) {
            return Optional.empty();
        }
    }

    private static String origin(String uri) {
        int scheme = uri.indexOf("://");
        if (scheme < 0 || !isHttp(uri.substring(0, scheme))) {
            return uri;
        }
        for (int i = scheme + 3; i < uri.length(); i++) {
            char c = uri.charAt(i);
            if (c == '/') {
                return uri.substring(i);
            }
            if (c == '?') {
                return "/" + uri.substring(i);
            }
        }
        return "/";
    }

    private static boolean isHttp(String scheme) {
        return scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https");
    }
}
