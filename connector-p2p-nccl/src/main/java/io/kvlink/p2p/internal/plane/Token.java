// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * 128 bits that nobody guesses.
 *
 * @param high the upper 64
 * @param low the lower 64
 */
public record Token(long high, long low) {

    /** A random one. */
    public static Token random() {
        SecureRandom random = new SecureRandom();
        return new Token(random.nextLong(), random.nextLong());
    }

    /** The one that stands for a text; it doesn't give the text away. */
    public static Token digestOf(String text) {
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256")
                            .digest(text.getBytes(StandardCharsets.UTF_8));
            String hex = HexFormat.of().formatHex(digest, 0, 16);
            return parse(hex);
        } catch (NoSuchAlgorithmException cause) {
            throw new IllegalStateException("every Java platform has SHA-256", cause);
        }
    }

    /** Reads 32 hexadecimal digits; throws {@link IllegalArgumentException} for anything else. */
    public static Token parse(String hex) {
        if (hex.length() != 32) {
            throw new IllegalArgumentException("digits=" + hex.length() + "; expected 32");
        }
        return new Token(
                HexFormat.fromHexDigitsToLong(hex, 0, 16),
                HexFormat.fromHexDigitsToLong(hex, 16, 32));
    }

    /** Compares in the same time wherever the difference lies. */
    public boolean matches(Token other) {
        return ((high ^ other.high) | (low ^ other.low)) == 0;
    }

    public String hex() {
        HexFormat format = HexFormat.of();
        return format.toHexDigits(high) + format.toHexDigits(low);
    }

    /** Nothing: a secret must not end in a log. */
    @Override
    public String toString() {
        return "Token[...]";
    }
}
