// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import java.util.Set;

/** A way to break the reference store, with the rules that must notice. */
enum StoreFault {
    NONE(""),
    KEEPS_KV_TO_ITSELF(
            "rule801 rule802 rule803 rule804 rule806 rule807 rule809 rule810 rule811 rule814 rule816"
                    + " rule817"),
    DIES_WITH_THE_LAST_INSTANCE("rule802"),
    NAMES_BLOCKS_BY_THEIR_OWN_TOKENS("rule803 rule808"),
    IGNORES_SALTS("rule804"),
    IGNORES_MODELS("rule804 rule808"),
    TRUSTS_ITS_BYTES("rule805 rule815"),
    SWALLOWS_A_BROKEN_LOAD("rule815"),
    REPORTS_A_BROKEN_LOAD_AS_LOADED("rule815"),
    NEVER_MAKES_ROOM("rule806 rule808"),
    LETS_THE_OLDEST_GO("rule806"),
    MIXES_TWO_WRITERS("rule805 rule807"),
    TELLS_NOTHING("rule808"),
    TELLS_TWICE("rule808"),
    TELLS_NO_REMOVAL("rule808"),
    ANSWERS_ONCE("rule809"),
    SAVES_WHAT_ONE_STEP_COMPUTES("rule810"),
    FORGETS_WHERE_THE_LOAD_BEGINS("rule811 rule817"),
    LOADS_OVER_THE_COMPUTED_HEAD("rule817"),
    NEEDS_ONE_THREAD("rule907"),
    IGNORES_RANKS("rule816"),
    HOLDS_WHAT_A_LEAVER_READ("rule812"),
    OWNS_SHORT_PROMPTS("rule813"),
    SAVES_WHEN_THE_REQUEST_HAS_ENDED(
            "rule501 rule502 rule510 rule514 rule801 rule802 rule803 rule804 rule805 rule806 rule807"
                    + " rule809 rule810 rule811 rule814 rule816 rule817 rule907 rule909");

    private final String rules;

    StoreFault(String rules) {
        this.rules = rules;
    }

    /** The rules whose tests must fail, and no others. */
    Set<String> rules() {
        return rules.isEmpty() ? Set.of() : Set.of(rules.split(" ", -1));
    }
}
