// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.LoadDecision;
import java.util.Optional;

/** Facts that an engine has told about one request, or was told. Guarded by its check. */
final class CheckedRequest {

    final int promptTokens;
    Optional<BlockTable> blocks = Optional.empty();
    // Of the latest question, and of its answer.
    int asked = -1;
    int offered;
    boolean offeredAsync;
    // The load under way: tokens before it, tokens of it.
    int loadFrom;
    int loading;
    boolean loadsAsync;
    int computed = -1;
    int generated;
    boolean attached;
    // Its last step skipped layers that it loads or saves.
    boolean spoiled;

    CheckedRequest(int promptTokens) {
        this.promptTokens = promptTokens;
    }

    void onAnswer(int computedTokens, LoadDecision answer) {
        asked = computedTokens;
        offered = answer instanceof LoadDecision.Load load ? load.tokens() : 0;
        offeredAsync = answer instanceof LoadDecision.Load load && load.async();
    }

    void onBlocks(BlockTable given, int computedTokens, int loadTokens) {
        blocks = Optional.of(given);
        loadFrom = computedTokens;
        loading = loadTokens;
        loadsAsync = offeredAsync && loadTokens > 0;
        computed = computedTokens + (loadsAsync ? 0 : loadTokens);
    }

    void onLoaded() {
        computed += loadsAsync ? loading : 0;
        loadsAsync = false;
        loading = 0;
    }

    /** Nothing of the load counts, and nothing that was computed behind it. */
    void onFailedLoad() {
        computed = loading > 0 ? loadFrom : computed;
        loadsAsync = false;
        loading = 0;
    }

    boolean promptIsComputed() {
        return computed >= promptTokens;
    }

    /** True if a table has these blocks, and maybe more behind them. */
    boolean hasBlocks(BlockTable table) {
        BlockTable given = blocks.orElse(BlockTable.of());
        boolean begins = table.size() >= given.size();
        for (int i = 0; begins && i < given.size(); i++) {
            begins = table.block(i) == given.block(i);
        }
        return begins;
    }
}
