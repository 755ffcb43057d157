// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.LinkedHashMap;
import java.util.Map;

/** Facts of a layout that two sides compare, each by its name. */
final class LayoutFacts {

    private LayoutFacts() {}

    /** Facts of the whole model. */
    static Map<String, Object> ofModel(KvLayout layout) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("model", layout.model());
        facts.put("layers", layout.modelLayers());
        facts.put("kvHeads", layout.modelKvHeads());
        facts.put("headSize", layout.headSize());
        facts.put("dtype", layout.dtype());
        facts.put("arrays", layout.arrays());
        return facts;
    }

    /** Facts of the model, and of the rank that holds a part of it. */
    static Map<String, Object> ofRank(KvLayout layout) {
        Map<String, Object> facts = ofModel(layout);
        facts.put("tp", layout.tpRank() + " of " + layout.tpSize());
        facts.put("pp", layout.ppRank() + " of " + layout.ppSize());
        facts.put("stageLayers", layout.stageLayers());
        return facts;
    }

    /** Facts of the rank and of its memory. */
    static Map<String, Object> ofMemory(KvLayout layout) {
        Map<String, Object> facts = ofRank(layout);
        facts.put("axisOrder", layout.axisOrder());
        facts.put("blockSize", layout.blockSize());
        return facts;
    }

    /** The first difference as {@code name=ours/theirs}; empty if there is none. */
    static String firstDifference(Map<String, Object> ours, Map<String, Object> theirs) {
        for (Map.Entry<String, Object> fact : ours.entrySet()) {
            Object other = theirs.get(fact.getKey());
            if (!fact.getValue().equals(other)) {
                return fact.getKey() + "=" + fact.getValue() + "/" + other;
            }
        }
        return "";
    }
}
