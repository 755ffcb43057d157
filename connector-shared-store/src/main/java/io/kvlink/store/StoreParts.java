// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.KvRequest;

/**
 * Parts of a connector that both halves use.
 *
 * @param names of blocks
 * @param budget memory of blocks on their way
 * @param blockBytes KV of a block
 * @param loader reads
 * @param saver writes
 * @param figures counts
 * @param loadTimeoutNs time that a request waits for the loader
 */
record StoreParts(
        BlockNames names,
        ByteBudget budget,
        int blockBytes,
        BlockLoader loader,
        BlockSaver saver,
        StoreFigures figures,
        long loadTimeoutNs) {

    int blockTokens() {
        return names.blockTokens();
    }

    StoredRequest newRequest(KvRequest request, long deadlineNs) {
        return new StoredRequest(request, names, budget, blockBytes, deadlineNs);
    }
}
