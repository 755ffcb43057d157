// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Two instances and the id of the transfer between them. The only parser and formatter of the
 * request-id rule
 *
 * <pre>___prefill_addr_HOST:PORT___decode_addr_HOST:PORT_0123456789abcdef0123456789abcdef</pre>
 *
 * which routers put into {@code X-Request-Id}. Engines wrap the id, with a prefix such as {@code
 * cmpl-} or a suffix such as {@code -0}. So the rule is searched for anywhere in the text.
 *
 * @param prefill control address of the instance that computes the prompt
 * @param decode control address of the instance that writes the answer
 * @param id the transfer
 */
public record TransferRoute(HostPort prefill, HostPort decode, TransferId id) {

    private static final Pattern RULE =
            Pattern.compile(
                    "___prefill_addr_(.{1,300}?)___decode_addr_(.{1,300}?)_([0-9a-f]{32})"
                            + "(?![0-9a-f])");

    private static final String MARK = "_addr_";

    /**
     * Looks for a route in a request id.
     *
     * @param requestId any text; at most 4096 characters are looked at
     * @param prompt which prompt of the request, from 0
     * @return the route, or empty if the text holds no trace of one: an ordinary local request
     * @throws KvConnectorException with {@link KvError#BAD_ROUTE} if the text looks like a route
     *     and isn't one, so that a typing error never turns into a local request in silence
     */
    public static Optional<TransferRoute> find(String requestId, int prompt) {
        String text = requestId.substring(0, Math.min(requestId.length(), 4096));
        if (!text.contains(MARK)) {
            return Optional.empty();
        }
        Matcher matcher = RULE.matcher(text);
        if (!matcher.find()) {
            throw new KvConnectorException(
                    KvError.BAD_ROUTE,
                    "requestId="
                            + text
                            + "; expected ___prefill_addr_HOST:PORT___decode_addr_HOST:PORT_"
                            + "<32 hexadecimal digits>");
        }
        return Optional.of(
                new TransferRoute(
                        HostPort.parse(matcher.group(1)),
                        HostPort.parse(matcher.group(2)),
                        TransferId.parse(matcher.group(3), prompt)));
    }

    /** The request id that {@link #find} reads. The prompt's index isn't part of it. */
    public String requestId() {
        return "___prefill_addr_" + prefill + "___decode_addr_" + decode + "_" + id.hex();
    }
}
