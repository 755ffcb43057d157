// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.limit;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A call of a connector.
 *
 * @param engine name of the engine that makes it
 * @param method name of the method
 * @param arguments what it was given
 * @param thread who makes it
 * @param startNs when it began, on {@link System#nanoTime}'s clock
 */
public record ConnectorCall(
        String engine, String method, List<Object> arguments, Thread thread, long startNs) {

    private static final int FRAMES = 12;
    private static final int ARGUMENT_LENGTH = 120;

    /** Words for a call that is under way: its arguments, its age, and where its thread stands. */
    String described() {
        return "%s.%s(%s) hasn't returned for %s; its thread is at %s"
                .formatted(engine, method, described(arguments), age(), stack());
    }

    private static String described(List<Object> arguments) {
        return arguments.stream()
                .map(String::valueOf)
                .map(text -> text.substring(0, Math.min(text.length(), ARGUMENT_LENGTH)))
                .collect(Collectors.joining(", "));
    }

    Duration age() {
        return Duration.ofNanos(System.nanoTime() - startNs);
    }

    // Down to the suite's own frames.
    private String stack() {
        return Arrays.stream(thread.getStackTrace())
                .takeWhile(frame -> !frame.getClassName().startsWith("jdk.proxy"))
                .filter(frame -> !frame.getClassName().startsWith("java.lang.reflect."))
                .filter(frame -> !frame.getClassName().startsWith("jdk.internal.reflect."))
                .limit(FRAMES)
                .map(StackTraceElement::toString)
                .collect(Collectors.joining(" < ", "[", "]"));
    }
}
