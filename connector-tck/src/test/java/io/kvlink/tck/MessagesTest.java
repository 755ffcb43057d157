// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Failures say what was expected, what was found, and whose it is. */
class MessagesTest {

    @Test
    void shouldSayThatBytesWereNeverWritten() {
        assertThat(failureOf(Fault.FORGETS_THE_TAIL_OF_LONG_PROMPTS, "rule101"))
                .contains("after awaitLayer keys of token=600 in layer=0: byte=0 is=0xe5")
                .contains("the block was free, or never written")
                .contains("kv_consumer1-19[state=");
    }

    @Test
    void shouldSayWhoseBytesWereFound() {
        assertThat(failureOf(Fault.SERVES_ANY_PROMPT, "rule401"))
                .contains("keys of token=0 in layer=0: byte=0 is=0x")
                .contains("these are the keys of token=0 in layer=0 of kv_producer0-0");
    }

    @Test
    void shouldSayWhatWasWrittenTooLate() {
        assertThat(failureOf(Fault.WRITES_AFTER_THE_CONSUMER_LEFT, "rule303"))
                .contains("written after the blocks were given back: kv_consumer1-0[")
                .contains("keys of token=0 in layer=0: byte=0 is=0x01 expected=0xe5")
                .contains("these are nobody's");
    }

    @Test
    void shouldSayWhoseAttachmentCame() {
        assertThat(failureOf(Fault.KEEPS_ONLY_THE_LATEST_ATTACHMENT, "rule702"))
                .containsPattern(
                        "attachment=\\[bytes=8: ([0-9a-f]{2} ){7}[0-9a-f]{2}\\], which is that of"
                                + " kv_producer0-15; expected=\\[bytes=8: .*\\] of kv_producer0-0;");
    }

    private static String failureOf(Fault fault, String rule) {
        BrokenConnectorSuite.broken = fault;
        return SuiteRun.failuresOf(BrokenConnectorSuite.class).get(rule);
    }
}
