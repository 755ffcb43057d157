// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.spi.KvRequest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Objects;

/**
 * Tells prompts apart: the first 8 bytes, big-endian, of the SHA-256 over the token ids, each as 4
 * bytes little-endian, and the salt in UTF-8. Sender and receiver compare it, so no prompt ever
 * gets another's KV.
 */
public final class PromptDigest {

    private static final int CHUNK_TOKENS = 1024;

    private PromptDigest() {}

    /**
     * Digests a request's prompt, and its salt if it has one.
     *
     * @param request the request
     */
    public static long of(KvRequest request) {
        int[] tokens = request.promptTokens();
        return of(tokens, tokens.length, request.salt());
    }

    /**
     * Digests the beginning of a prompt.
     *
     * @param tokens the ids
     * @param count how many of them, from 0
     * @throws IndexOutOfBoundsException if there are fewer
     */
    public static long of(int[] tokens, int count) {
        return of(tokens, count, "");
    }

    private static long of(int[] tokens, int count, String salt) {
        Objects.checkFromToIndex(0, count, tokens.length);
        MessageDigest sha = sha256();
        ByteBuffer chunk =
                ByteBuffer.allocate(Math.min(count, CHUNK_TOKENS) * Integer.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN);
        for (int from = 0; from < count; from += CHUNK_TOKENS) {
            int chunkTokens = Math.min(CHUNK_TOKENS, count - from);
            chunk.clear().asIntBuffer().put(tokens, from, chunkTokens);
            sha.update(chunk.limit(chunkTokens * Integer.BYTES));
        }
        sha.update(salt.getBytes(StandardCharsets.UTF_8));
        return ByteBuffer.wrap(sha.digest()).getLong();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException cause) {
            throw new IllegalStateException("every JDK has SHA-256", cause);
        }
    }
}
