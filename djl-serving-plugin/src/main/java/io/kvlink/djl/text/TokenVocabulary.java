// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The tokens of a tokenizer as bytes, which decoding alone doesn't tell. Thread-safe. */
final class TokenVocabulary {
    private final @Nullable String[] tokens;
    private final BitSet special = new BitSet();
    private final TokenJoining joining;

    TokenVocabulary(TokenizerFile file) {
        List<@Nullable String> all = new ArrayList<>(file.vocabulary());
        for (JsonObject added : file.addedTokens()) {
            int id = added.get("id").getAsInt();
            all.addAll(Collections.nCopies(Math.max(0, id + 1 - all.size()), null));
            all.set(id, TokenizerFile.text(added, "content"));
            special.set(id, TokenizerFile.flag(added, "special"));
        }
        this.tokens = all.toArray(new String[0]);
        this.joining = TokenJoining.of(file.decoders());
    }

    TokenJoining joining() {
        return joining;
    }

    /** True if a text shows a token: neither special ones nor unknown ones are shown. */
    boolean shows(int token) {
        return token >= 0 && token < tokens.length && tokens[token] != null && !special.get(token);
    }

    /** The byte that a token stands for where bytes are tokens; -1 if it is none of those. */
    int byteOf(int token) {
        if (joining != TokenJoining.BYTE_RUNS || !known(token)) {
            return ByteTokens.NO_BYTE;
        }
        return ByteTokens.ofName(tokens[token]);
    }

    /** A token's own bytes, if they aren't those of a text that decoding tells; else null. */
    byte @Nullable [] ownBytes(int token) {
        if (!known(token)) {
            return null;
        }
        if (joining == TokenJoining.BYTES) {
            return levelBytes(tokens[token]);
        }
        int single = byteOf(token);
        return single == ByteTokens.NO_BYTE ? null : new byte[] {(byte) single};
    }

    private boolean known(int token) {
        return token >= 0 && token < tokens.length && tokens[token] != null;
    }

    private static byte[] levelBytes(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            int value = ByteTokens.ofLetter(token.charAt(i));
            if (value == ByteTokens.NO_BYTE) {
                // Added with the text it stands for.
                return token.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) value;
        }
        return bytes;
    }
}
