// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.EngineFilter;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

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
        return run(BrokenStoreSuite.class);
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
        return run(BrokenConnectorSuite.class);
    }

    private static Map<String, String> run(Class<?> suite) {
        MemoryConnector.leak = new CountDownLatch(1);
        LauncherDiscoveryRequest request =
                LauncherDiscoveryRequestBuilder.request()
                        .selectors(selectClass(suite))
                        .filters(EngineFilter.includeEngines("junit-jupiter"))
                        .configurationParameter(
                                LeakExtension.GRACE_MS, "" + BrokenConnectorSuite.LEAK_GRACE_MS)
                        .build();
        Failures failures = new Failures();
        try {
            LauncherFactory.create().execute(request, failures);
        } finally {
            MemoryConnector.leak.countDown();
        }
        assertThat(LeakExtension.threadsLeft(LeakExtension.DEFAULT_GRACE_MS)).isEmpty();
        return failures.byRule;
    }

    /** Keeps each failure's message under its rule, that of the class under "class". */
    private static final class Failures implements TestExecutionListener {

        private final Map<String, String> byRule = new TreeMap<>();

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            if (result.getStatus() == TestExecutionResult.Status.FAILED) {
                String rule =
                        test.getSource()
                                .filter(MethodSource.class::isInstance)
                                .map(source -> ruleOf(((MethodSource) source).getMethodName()))
                                .orElse("class");
                byRule.put(rule, result.getThrowable().map(Throwable::toString).orElse("aborted"));
            }
        }

        // required_rule101_bytesArrive: from the first underscore to the second.
        private static String ruleOf(String method) {
            int from = method.indexOf('_') + 1;
            return method.substring(from, method.indexOf('_', from));
        }
    }
}
