// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Name of a block of KV: a SHA-256 digest of its tokens and of the name of the block before it. So
 * it covers all tokens before it, the model and the salt. Blocks of one name hold the same KV.
 *
 * @param hex 64 lower-case hexadecimal digits
 */
public record BlockHash(String hex) {

    private static final int DIGITS = 64;

    public BlockHash {
        if (!hex.matches("[0-9a-f]{" + DIGITS + "}")) {
            throw new IllegalArgumentException("hex=" + hex);
        }
    }

    /**
     * Names of the whole blocks that some tokens fill, in their order. A rest that fills no block
     * has no name.
     *
     * @param tokens token ids
     * @param count how many of them count, from the first
     * @param blockTokens tokens of a block, 1 or more
     * @param model the KV's model and type, as in {@link KvLayout#model}
     * @param salt {@link KvRequest#salt}
     */
    public static List<BlockHash> chain(
            int[] tokens, int count, int blockTokens, String model, String salt) {
        if (blockTokens < 1 || count < 0 || count > tokens.length) {
            throw new IllegalArgumentException(
                    "count=%d of %d blockTokens=%d".formatted(count, tokens.length, blockTokens));
        }
        MessageDigest digest = sha256();
        part(digest, model);
        part(digest, salt);
        byte[] last = digest.digest(ints(new int[] {blockTokens}, 0, 1));
        List<BlockHash> chain = new ArrayList<>(count / blockTokens);
        for (int from = 0; from + blockTokens <= count; from += blockTokens) {
            digest.update(last);
            last = digest.digest(ints(tokens, from, from + blockTokens));
            chain.add(new BlockHash(HexFormat.of().formatHex(last)));
        }
        return chain;
    }

    // With its length, so that no two pairs of texts are the same bytes.
    private static void part(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ints(new int[] {bytes.length}, 0, 1));
        digest.update(bytes);
    }

    private static byte[] ints(int[] values, int from, int to) {
        ByteBuffer bytes =
                ByteBuffer.allocate((to - from) * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = from; i < to; i++) {
            bytes.putInt(values[i]);
        }
        return bytes.array();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException cause) {
            throw new IllegalStateException("every Java has SHA-256", cause);
        }
    }
}
