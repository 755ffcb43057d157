// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import io.kvlink.spi.BlockTable;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Blocks that belong to the connector now, by the request that has or had them. */
final class UsedBlocks {

    private final Map<String, BlockTable> byRequest = new HashMap<>();

    void add(String request, BlockTable blocks) {
        byRequest.put(request, blocks);
    }

    void remove(String request) {
        byRequest.remove(request);
    }

    /** Other requests that some blocks belong to. */
    List<String> ownersOf(BlockTable blocks, String except) {
        return byRequest.entrySet().stream()
                .filter(entry -> !entry.getKey().equals(except))
                .filter(entry -> shareABlock(entry.getValue(), blocks))
                .map(Map.Entry::getKey)
                .sorted()
                .toList();
    }

    private static boolean shareABlock(BlockTable one, BlockTable other) {
        Set<Integer> blocks = new HashSet<>();
        for (int i = 0; i < one.size(); i++) {
            blocks.add(one.block(i));
        }
        for (int i = 0; i < other.size(); i++) {
            if (blocks.contains(other.block(i))) {
                return true;
            }
        }
        return false;
    }
}
