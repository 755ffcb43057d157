// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;

/**
 * One prompt of one request, as a connector needs to know it.
 *
 * @param id the engine's own name for it, unique in the engine's life; for logs and for {@link
 *     WorkerReport}
 * @param route between which instances its KV moves; empty for a local request, which a connector
 *     leaves alone
 * @param promptTokens the prompt's token ids; never changed by anyone after construction
 * @param attachment at the producer: the engine computes the whole prompt, its last token too, and
 *     then says with {@link KvScheduler#attach} what goes with its KV. At the consumer: it can
 *     begin with that, instead of with the prompt's last token. The two need not agree: without an
 *     attachment {@link #transferTokens} tokens change hands
 */
// The ids are shared, not copied: an engine holds one array for a prompt of any length.
@SuppressWarnings("ArrayRecordComponent")
public record KvRequest(
        String id, Optional<TransferRoute> route, int[] promptTokens, boolean attachment) {

    public KvRequest {
        if (id.isEmpty() || promptTokens.length == 0) {
            throw new IllegalArgumentException("id=" + id + " promptTokens=" + promptTokens.length);
        }
    }

    /**
     * A request without an attachment.
     *
     * @param id see above
     * @param route see above
     * @param promptTokens see above
     */
    public KvRequest(String id, Optional<TransferRoute> route, int[] promptTokens) {
        this(id, route, promptTokens, false);
    }

    /**
     * Number of tokens that change hands: all but the prompt's last, which the decode instance
     * computes itself to get its logits. With an attachment the last one changes hands, too.
     */
    public int transferTokens() {
        return promptTokens.length - 1;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KvRequest request && id.equals(request.id);
    }

    @Override
    public int hashCode() {
        return id.hashCode();
    }

    @Override
    public String toString() {
        return "KvRequest[id=" + id + " tokens=" + promptTokens.length + " route=" + route + "]";
    }
}
