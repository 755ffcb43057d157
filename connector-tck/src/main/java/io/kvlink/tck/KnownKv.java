// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvLayout;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;

/** KV that a test's engines have computed lately, to tell whose bytes were found. Thread-safe. */
final class KnownKv {

    private static final int MOST = 512;

    private record Prompt(FakeRequest request, KvLayout layout) {}

    private final Deque<Prompt> prompts = new ArrayDeque<>();
    private final Set<String> requests = new HashSet<>();

    synchronized void onComputed(FakeRequest request, KvLayout layout) {
        if (requests.add(request.kv.id())) {
            prompts.addFirst(new Prompt(request, layout));
        }
        if (prompts.size() > MOST) {
            requests.remove(prompts.removeLast().request().kv.id());
        }
    }

    /**
     * Owner of some bytes, in words.
     *
     * @param found one token's keys, or values, in one layer
     */
    synchronized String ownerOf(byte[] found) {
        for (Prompt prompt : prompts) {
            KvPattern pattern = new KvPattern(prompt.layout());
            String place =
                    pattern.halfBytes() == found.length
                            ? placeIn(pattern, prompt.request().prefixes(), found)
                            : "";
            if (!place.isEmpty()) {
                return "these are the " + place + " of " + prompt.request().kv.id();
            }
        }
        return "these are nobody's";
    }

    private static String placeIn(KvPattern pattern, long[] prefixes, byte[] found) {
        for (int layer = 0; layer < pattern.layers(); layer++) {
            byte[] all = pattern.content(layer, prefixes, 0, prefixes.length);
            for (int at = 0; at < all.length; at += found.length) {
                if (Arrays.equals(all, at, at + found.length, found, 0, found.length)) {
                    return place(layer, at / found.length, prefixes.length);
                }
            }
        }
        return "";
    }

    /** Words for the keys or values of a token. */
    static String place(int layer, int row, int tokens) {
        return "%s of token=%d in layer=%d"
                .formatted(row < tokens ? "keys" : "values", row % tokens, layer);
    }
}
