// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.limit;

import java.lang.reflect.Method;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/**
 * Time limit of a test, its setup and its teardown. All of them run on one thread, which isn't
 * JUnit's. A call of the connector that doesn't return fails the test, in words that name the call,
 * and the thread is given up. Registered with one test instance.
 */
public final class TimeLimit implements InvocationInterceptor, AfterEachCallback {

    private static final long LOOK_MS = 10;

    private final ConnectorCalls calls;
    private final Supplier<Duration> callLimit;
    private final Supplier<Duration> testLimit;
    private final Supplier<List<Runnable>> closers;
    private @Nullable TestThread thread;
    private boolean passed;

    /**
     * Limit of a test.
     *
     * @param calls those of the test's connectors
     * @param callLimit time that one of them may take
     * @param testLimit time that a test, or its setup or teardown, may take
     * @param closers what closes the connectors that a given up test left
     */
    public TimeLimit(
            ConnectorCalls calls,
            Supplier<Duration> callLimit,
            Supplier<Duration> testLimit,
            Supplier<List<Runnable>> closers) {
        this.calls = calls;
        this.callLimit = callLimit;
        this.testLimit = testLimit;
        this.closers = closers;
    }

    /** True if a call or the test has taken too long: the connectors are to be left alone. */
    public boolean passed() {
        return passed;
    }

    @Override
    public void interceptBeforeEachMethod(
            Invocation<Void> invocation,
            ReflectiveInvocationContext<Method> method,
            ExtensionContext context)
            throws Throwable {
        run(invocation);
    }

    @Override
    public void interceptTestMethod(
            Invocation<Void> invocation,
            ReflectiveInvocationContext<Method> method,
            ExtensionContext context)
            throws Throwable {
        run(invocation);
    }

    @Override
    public void interceptAfterEachMethod(
            Invocation<Void> invocation,
            ReflectiveInvocationContext<Method> method,
            ExtensionContext context)
            throws Throwable {
        run(invocation);
    }

    /** Ends the test's thread; after a test that was given up its connectors are closed first. */
    @Override
    public void afterEach(ExtensionContext context) {
        if (passed) {
            closers.get().forEach(this::tryToClose);
        }
        if (thread != null) {
            thread.end();
        }
    }

    // The test has failed already, in better words.
    private void tryToClose(Runnable closer) {
        try {
            run(
                    () -> {
                        closer.run();
                        return null;
                    });
        } catch (Throwable ignored) {
            if (ignored instanceof VirtualMachineError fatal) {
                throw fatal;
            }
        }
    }

    private void run(Invocation<@Nullable Void> invocation) throws Throwable {
        FutureTask<@Nullable Throwable> task = new FutureTask<>(() -> outcomeOf(invocation));
        TestThread runner = thread == null ? new TestThread("tck-test") : thread;
        thread = runner;
        runner.run(task);
        Throwable thrown = await(task, System.nanoTime(), runner);
        if (thrown != null) {
            throw thrown;
        }
    }

    private static @Nullable Throwable outcomeOf(Invocation<@Nullable Void> invocation) {
        try {
            invocation.proceed();
            return null;
        } catch (Throwable thrown) {
            return thrown;
        }
    }

    private @Nullable Throwable await(
            FutureTask<@Nullable Throwable> task, long startNs, TestThread runner)
            throws ExecutionException {
        while (true) {
            try {
                return task.get(LOOK_MS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException notYet) {
                String late = lateness(startNs);
                if (!late.isEmpty()) {
                    return giveUp(runner, late);
                }
            } catch (InterruptedException stopped) {
                AssertionError failure = giveUp(runner, "interrupted; " + whereItIs());
                Thread.currentThread().interrupt();
                return failure;
            }
        }
    }

    /** Reason to give up; empty while there is none. */
    private String lateness(long startNs) {
        Optional<ConnectorCall> oldest = calls.oldest();
        if (oldest.filter(call -> call.age().compareTo(callLimit.get()) > 0).isPresent()) {
            return "callLimit=%s: %s".formatted(callLimit.get(), oldest.get().described());
        }
        Duration age = Duration.ofNanos(System.nanoTime() - startNs);
        return age.compareTo(testLimit.get()) > 0
                ? "testLimit=%s: %s".formatted(testLimit.get(), whereItIs())
                : "";
    }

    private String whereItIs() {
        return calls.oldest().map(ConnectorCall::described).orElse("no call is under way");
    }

    private AssertionError giveUp(TestThread runner, String why) {
        passed = true;
        thread = null;
        calls.giveUp(runner.thread());
        runner.end();
        return new AssertionError(why);
    }
}
