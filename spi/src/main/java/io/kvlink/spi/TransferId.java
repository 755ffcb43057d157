// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.HexFormat;

/**
 * Names one hand-over of one prompt's KV between two instances. Made by the router, never by an
 * engine, so both sides know it.
 *
 * @param high the upper 64 of 128 random bits
 * @param low the lower 64
 * @param prompt which prompt of the request, from 0: one HTTP request may carry several
 */
public record TransferId(long high, long low, int prompt) {

    public TransferId {
        if (prompt < 0) {
            throw new IllegalArgumentException("prompt=" + prompt);
        }
    }

    /**
     * Parses 32 lower-case hexadecimal digits.
     *
     * @param hex the digits
     * @param prompt which prompt of the request, from 0
     * @return the id
     * @throws KvConnectorException with {@link KvError#BAD_ROUTE} if it isn't that
     */
    public static TransferId parse(String hex, int prompt) {
        if (!hex.matches("[0-9a-f]{32}")) {
            throw new KvConnectorException(
                    KvError.BAD_ROUTE, "transfer=" + hex + "; expected 32 hexadecimal digits");
        }
        return new TransferId(
                HexFormat.fromHexDigitsToLong(hex, 0, 16),
                HexFormat.fromHexDigitsToLong(hex, 16, 32),
                prompt);
    }

    /** The 128 bits as 32 hexadecimal digits. */
    public String hex() {
        HexFormat format = HexFormat.of();
        return format.toHexDigits(high) + format.toHexDigits(low);
    }

    /** The digits, a hyphen, the prompt's index. */
    @Override
    public String toString() {
        return hex() + "-" + prompt;
    }
}
