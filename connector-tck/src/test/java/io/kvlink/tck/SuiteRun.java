// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import java.util.Map;
import java.util.TreeMap;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.EngineFilter;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs of a suite, or of one of its rules, within a test. */
final class SuiteRun implements TestExecutionListener {

    private final Map<String, String> byRule = new TreeMap<>();

    private SuiteRun() {}

    /** Each failure's message under its rule, that of the class under "class". */
    static Map<String, String> failuresOf(Class<?> suite) {
        return run(selectClass(suite));
    }

    /** Failures of one rule, given by its method's name. */
    static Map<String, String> failuresOf(Class<?> suite, String rule) {
        return run(selectMethod(suite, rule));
    }

    private static Map<String, String> run(DiscoverySelector selector) {
        Leaks.begin();
        LauncherDiscoveryRequest request =
                LauncherDiscoveryRequestBuilder.request()
                        .selectors(selector)
                        .filters(EngineFilter.includeEngines("junit-jupiter"))
                        .configurationParameter(
                                LeakExtension.GRACE_MS, "" + BrokenConnectorSuite.LEAK_GRACE_MS)
                        .build();
        SuiteRun run = new SuiteRun();
        try {
            LauncherFactory.create().execute(request, run);
        } finally {
            Leaks.end();
        }
        assertThat(LeakExtension.threadsLeft(LeakExtension.DEFAULT_GRACE_MS)).isEmpty();
        return run.byRule;
    }

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
