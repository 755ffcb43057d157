// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A suite that can't fail proves nothing: each broken connector fails its rule, and only that. */
final class BrokenConnectorsTest {

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void shouldFailTheRuleThatIsBroken(Fault fault) {
        Map<String, String> failures = failuresOf(fault);
        assertThat(failures.keySet()).as("%s", failures).isEqualTo(fault.rules());
    }

    @Test
    void shouldNameTheThreadThatIsLeft() {
        assertThat(classFailureOf(Fault.LEAVES_A_THREAD))
                .contains("threads=[kv-left, ")
                .contains("outlive BrokenConnectorSuite; close() joins what it started");
    }

    @Test
    void shouldPassTheHonestOne() {
        assertThat(failuresOf(Fault.NONE)).isEmpty();
        assertThat(classFailureOf(Fault.NONE)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void shouldFailTheRuleThatIsBrokenByAStore(StoreFault fault) {
        Map<String, String> failures = failuresOf(fault);
        assertThat(failures.keySet()).as("%s", failures).isEqualTo(fault.rules());
    }

    @Test
    void shouldPassTheHonestStore() {
        assertThat(failuresOf(StoreFault.NONE)).isEmpty();
    }

    private static Map<String, String> failuresOf(StoreFault fault) {
        BrokenStoreSuite.broken = fault;
        return SuiteRun.failuresOf(BrokenStoreSuite.class);
    }

    private static Map<String, String> failuresOf(Fault fault) {
        Map<String, String> failures = run(fault);
        failures.remove("class");
        return failures;
    }

    private static String classFailureOf(Fault fault) {
        return run(fault).getOrDefault("class", "");
    }

    private static Map<String, String> run(Fault fault) {
        BrokenConnectorSuite.broken = fault;
        return SuiteRun.failuresOf(BrokenConnectorSuite.class);
    }
}
