// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import java.util.Set;

/** A way to break the reference connector, with the rules that must notice. */
enum Fault {
    NONE(true, ""),
    FORGETS_THE_TAIL_OF_LONG_PROMPTS(true, "rule101 rule909"),
    IGNORES_BLOCK_SIZES(true, "rule102 rule103"),
    IGNORES_AXIS_ORDERS(true, "rule103"),
    IGNORES_DIRECT_MEMORY(true, "rule104"),
    SAVES_ONLY_THE_LAST_CHUNK(true, "rule105 rule113"),
    OWNS_PROMPTS_OF_ONE_TOKEN(true, "rule106"),
    WAITS_FOR_KV_WITHOUT_ROUTE(true, "rule107 rule202 rule411"),
    TAKES_PROMPTS_FOR_ONE(true, "rule108"),
    HAS_ROOM_FOR_TWENTY_TRANSFERS(true, "rule109 rule110"),
    THROWS_WHEN_FULL(true, "rule111 rule910"),
    ONLY_SENDS_AS_BOTH(true, "rule112"),
    TRUSTS_THE_PREFILL_CHUNK(true, "rule113"),
    ANSWERS_ONCE(true, "rule201 rule204 rule602 rule604 rule704"),
    WAKES_NOBODY(true, "rule203"),
    FREES_SOURCE_EARLY(false, "rule301 rule305"),
    REPORTS_TWICE(true, "rule302"),
    WRITES_AFTER_THE_CONSUMER_LEFT(false, "rule303 rule411 rule905"),
    SERVES_ANY_PROMPT(true, "rule401"),
    IGNORES_SALTS(true, "rule401"),
    REFUSES_LAYOUTS_WITHOUT_SAYING_WHICH(true, "rule402"),
    WAITS_FOR_A_LOST_PRODUCER(true, "rule403"),
    WAITS_FOR_A_LOST_CONSUMER(true, "rule404 rule909"),
    LEAKS_WHAT_A_LEAVER_LEFT(true, "rule405 rule903 rule909"),
    IGNORES_A_PRODUCER_THAT_LEAVES(true, "rule406 rule706 rule903"),
    NEVER_EXPIRES(true, "rule407"),
    SERVES_A_TRANSFER_TWICE(true, "rule408 rule409"),
    SWALLOWS_A_BROKEN_LOAD(true, "rule411"),
    REPORTS_A_BROKEN_LOAD_AS_LOADED(true, "rule411"),
    SWALLOWS_A_BROKEN_ASYNC_LOAD(false, "rule411"),
    REPORTS_A_BROKEN_ASYNC_LOAD_AS_LOADED(false, "rule411"),
    KEEPS_THE_BLOCKS_OF_A_BROKEN_LOAD(true, "rule411"),
    THROWS_WHEN_CLOSED_TWICE(true, "rule501"),
    LEAVES_A_THREAD(true, "rule502"),
    CLOSES_IN_SILENCE(true, "rule503 rule504"),
    DISTRUSTS_A_RESTARTED_PRODUCER(true, "rule505"),
    DISTRUSTS_A_RESTARTED_CONSUMER(true, "rule506"),
    TAKES_ANY_MEMORY(true, "rule507"),
    IGNORES_UNKNOWN_SETTINGS(true, "rule508"),
    SHARES_A_TAKEN_PORT(true, "rule509"),
    NAMES_FIGURES_IN_ITS_OWN_WAY(true, "rule510"),
    HIDES_AN_ABILITY(true, "rule513"),
    SENDS_BEFORE_THE_STREAM(true, true, "rule601 rule603"),
    LETS_THE_STREAM_READ_EARLY(true, true, "rule602 rule603 rule604"),
    LOADS_BEFORE_THE_STREAM(true, true, "rule602"),
    REPORTS_SENT_BEFORE_IT_IS(true, true, "rule601 rule603"),
    REPORTS_FETCHED_BEFORE_IT_IS(false, true, "rule601 rule602 rule603 rule604"),
    REUSES_RECEIVED_EARLY(true, true, "rule602 rule603 rule604"),
    CUTS_ATTACHMENTS(true, "rule701"),
    KEEPS_ONLY_THE_LATEST_ATTACHMENT(true, "rule702"),
    LOADS_THE_LAST_TOKEN_WITHOUT_AN_ATTACHMENT(true, "rule703"),
    LENDS_ITS_ATTACHMENTS(true, "rule704"),
    TAKES_ANY_ATTACHMENT(true, "rule705"),
    WAITS_FOR_AN_ATTACHMENT(true, "rule706"),
    LOSES_A_CACHED_HEAD(true, "rule901"),
    LOADS_THE_LAST_OF_THE_TOKENS(true, "rule902"),
    FORGETS_THAT_PREEMPTED_REQUESTS_END(true, "rule903 rule905"),
    LOADS_WHAT_THE_ENGINE_DID_NOT_TAKE(true, "rule902"),
    LOADS_OVER_THE_COMPUTED_HEAD(true, "rule904"),
    WRITES_AFTER_A_PREEMPTION(false, "rule905"),
    KNOWS_THE_FIRST_RANK_ONLY(true, "rule906"),
    NEEDS_ONE_THREAD(true, "rule907"),
    WANTS_ALL_SCHEDULERS_ON_ONE_THREAD(true, "rule908"),
    WAITS_IN_START_LOAD(false, "rule909"),
    WAITS_WHEN_A_REQUEST_ENDS(true, "rule909"),
    WAITS_WHEN_IT_IS_ASKED(true, "rule909"),
    KEEPS_LEASES_OF_THE_POOL(true, "rule910"),
    READS_LEASES_LATE(true, "rule910"),
    KEEPS_THE_POOL_OPEN(true, "rule910"),
    KEEPS_A_SOCKET_FOR_EACH_TRANSFER(true, "rule514"),
    LEAVES_A_SOCKET(true, "rule514"),
    LEAVES_FILES_OF_UNCLAIMED_KV(true, "rule404 rule407 rule909");

    private final boolean push;
    private final boolean onDevice;
    private final String rules;

    Fault(boolean push, String rules) {
        this(push, false, rules);
    }

    Fault(boolean push, boolean onDevice, String rules) {
        this.push = push;
        this.onDevice = onDevice;
        this.rules = rules;
    }

    /** True if the broken connector pushes; false if it holds KV until it is fetched. */
    boolean push() {
        return push;
    }

    /** True if KV is on a device. */
    boolean onDevice() {
        return onDevice;
    }

    /** The rules whose tests must fail, and no others. */
    Set<String> rules() {
        return rules.isEmpty() ? Set.of() : Set.of(rules.split(" ", -1));
    }
}
