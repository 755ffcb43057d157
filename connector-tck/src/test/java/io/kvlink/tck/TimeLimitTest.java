// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A call that never returns fails the rule that makes it, and is named. */
class TimeLimitTest {

    private static final String RULE = "required_rule302_eachTransferIsReportedOnceAtEachSide";

    @AfterEach
    void limitCalls() {
        HangingSuite.limitsTests = false;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "create",
                "registerKvMemory",
                "onRequestAdded",
                "matchedTokens",
                "onBlocksAllocated",
                "buildStep",
                "startLoad",
                "awaitLayer",
                "saveLayer",
                "awaitSaves",
                "pollFinished",
                "onStepDone",
                "onRequestFinished"
            })
    void shouldNameTheCallThatNeverReturns(String method) {
        assertThat(failureOf(method))
                .startsWith("java.lang.AssertionError: callLimit=PT0.2S: kv_")
                .containsPattern("kv_(producer0|consumer1)\\." + method + "\\(")
                .contains("hasn't returned for PT0.")
                .contains("io.kvlink.tck.HangingConnector.hang(HangingConnector.java:");
    }

    @ParameterizedTest
    @ValueSource(strings = {"close", "ledger"})
    void shouldHoldInTheTeardown(String method) {
        assertThat(failureOf(method))
                .startsWith("java.lang.AssertionError: callLimit=PT0.2S: kv_producer0." + method)
                .contains("hasn't returned for PT0.");
    }

    @Test
    void shouldLimitAWholeTest() {
        HangingSuite.limitsTests = true;
        assertThat(failureOf("saveLayer"))
                .startsWith(
                        "java.lang.AssertionError: testLimit=PT0.2S: kv_producer0.saveLayer(0)");
    }

    @Test
    void shouldLeaveWhatReturnsAlone() {
        HangingSuite.hangsIn = "";
        assertThat(SuiteRun.failuresOf(HangingSuite.class, RULE)).isEmpty();
    }

    private static String failureOf(String method) {
        HangingSuite.hangsIn = method;
        Map<String, String> failures = SuiteRun.failuresOf(HangingSuite.class, RULE);
        assertThat(failures).containsOnlyKeys("rule302");
        return failures.get("rule302");
    }
}
