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
 */
// The ids are shared, not copied: an engine holds one array for a prompt of any length.
@SuppressWarnings("ArrayRecordComponent")
public record KvRequest(String id, Optional<TransferRoute> route, int[] promptTokens) {

    public KvRequest {
        if (id.isEmpty() || promptTokens.length == 0) {
            throw new IllegalArgumentException("id=" + id + " promptTokens=" + promptTokens.length);
        }
    }

    /**
     * How many tokens change hands: all but the prompt's last, which the decode instance computes
     * itself to get its logits.
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
