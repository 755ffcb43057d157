// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.Method;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/**
 * Leaves out the rules of abilities that a connector lacks. Comes after everything that a suite
 * does before a test, so that its configuration is complete.
 */
final class NeedsExtension implements InvocationInterceptor {

    @Override
    public void interceptTestMethod(
            Invocation<Void> invocation,
            ReflectiveInvocationContext<Method> method,
            ExtensionContext context)
            throws Throwable {
        Method rule = context.getRequiredTestMethod();
        Needs needs = rule.getAnnotation(Needs.class);
        if (needs == null) {
            needs = rule.getDeclaringClass().getAnnotation(Needs.class);
        }
        if (needs != null && context.getRequiredTestInstance() instanceof ConnectorTck suite) {
            assumeTrue(suite.supports(needs.value()), "for connectors with " + needs.value());
        }
        invocation.proceed();
    }
}
