// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.config;

/**
 * Sizes of the parts in which prompts are computed.
 *
 * <p>Where bits count, a part ends at a multiple of the chunk, and the last token comes by itself,
 * as docs/exactness.md says. Otherwise the last part includes it, and parts may be smaller and
 * begin anywhere.
 *
 * @param chunk most tokens of a part
 * @param exact whether bits count
 */
public record ChunkSizes(int chunk, boolean exact) {

    /** Salt of a store's KV: where bits count, those of another chunk are other bits. */
    public String salt() {
        return exact ? "exact prefill_chunk=" + chunk : "";
    }

    /**
     * Tokens of which a store may keep the KV, of so many that are computed. Where bits count,
     * those of whole chunks: a prompt's last token is no part of one.
     */
    public int storable(int computed, int prompt) {
        int inChunks = Math.min(computed, prompt - 1);
        return exact ? inChunks - inChunks % chunk : computed;
    }

    /**
     * Tokens of a sequence's next unit; one from the prompt's last token on.
     *
     * @param position of the sequence
     * @param prompt its prompt's tokens
     * @param most of which there is time for, from 1; without effect where bits count
     */
    public int next(int position, int prompt, int most) {
        int last = prompt - 1;
        if (position >= last) {
            return 1;
        }
        return exact
                ? Math.min(last - position, chunk - position % chunk)
                : Math.min(prompt - position, Math.min(chunk, most));
    }
}
