// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvRequest;
import java.util.List;

/**
 * Names of blocks of one model.
 *
 * @param model {@link io.kvlink.spi.KvLayout#model}
 * @param blockTokens tokens of a block
 */
record BlockNames(String model, int blockTokens) {

    /** Names of the whole blocks of a prompt. */
    List<BlockHash> of(KvRequest request) {
        int[] tokens = request.promptTokens();
        return BlockHash.chain(tokens, tokens.length, blockTokens, model, request.salt());
    }
}
