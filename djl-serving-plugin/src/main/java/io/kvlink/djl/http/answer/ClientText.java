// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.answer;

import java.util.regex.Pattern;

/**
 * Texts as clients may see them: without the addresses of instances, which are of an inner network.
 * The log has them, and so does an answer with {@code X-KvLink-Stats}.
 */
public final class ClientText {

    private static final Pattern ROUTE =
            Pattern.compile(
                    "___prefill_addr_.{1,300}?___decode_addr_.{1,300}?_([0-9a-f]{32})(?![0-9a-f])");

    // The mark of a route that isn't one.
    private static final String MARK = "_addr_";

    private static final Pattern ADDRESS =
            Pattern.compile("(?<![\\w.:-])(?:\\[[0-9a-fA-F:.%]+]|[\\w.-]+):\\d{1,5}(?![\\w:])");

    private ClientText() {}

    /** A request's id; of one with a route the transfer's id. */
    public static String id(String requestId) {
        String plain = ROUTE.matcher(requestId).replaceAll("$1");
        return plain.contains(MARK) ? "unroutable" : plain;
    }

    /** A message of a worker or a connector. */
    static String of(String message) {
        return ADDRESS.matcher(ROUTE.matcher(message).replaceAll("$1")).replaceAll("<instance>");
    }
}
