// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Counts of all clients' answers and faults. Any thread. */
final class SoakTally {

    private final Object lock = new Object();
    private final List<Double> firstMs = new ArrayList<>();
    private final List<Double> totalMs = new ArrayList<>();
    private final Map<String, Integer> failures = new TreeMap<>();
    private long answers;
    private long tokens;
    private long left;
    private long wrong;

    void onAnswer(SoakClient.Answer answer, String expected) {
        synchronized (lock) {
            answers++;
            tokens += answer.tokens();
            totalMs.add(answer.totalMs());
            if (answer.tokens() > 0) {
                firstMs.add(answer.firstMs());
            }
            if (!answer.text().equals(expected)) {
                wrong++;
                System.out.println("WRONG: " + answer.text() + " | expected: " + expected);
            }
        }
    }

    void onLeft() {
        synchronized (lock) {
            left++;
        }
    }

    void onFailure(Exception failure) {
        synchronized (lock) {
            failures.merge(String.valueOf(failure), 1, Integer::sum);
        }
    }

    /** True if nothing failed or was wrong, and something was asked at all. */
    boolean clean() {
        synchronized (lock) {
            return wrong == 0 && failures.isEmpty() && answers > 0;
        }
    }

    void print(double seconds, int clients) {
        synchronized (lock) {
            System.out.printf(
                    Locale.ROOT,
                    "%d clients, %.0f s: %d answers (%.1f a second), %d wrong, %d left early, %d failures; streamed tokens a second %.0f%n",
                    clients,
                    seconds,
                    answers,
                    answers / seconds,
                    wrong,
                    left,
                    failures.values().stream().mapToInt(Integer::intValue).sum(),
                    tokens / seconds);
            System.out.printf(
                    Locale.ROOT,
                    "first token ms %s; whole answer ms %s%n",
                    spread(firstMs),
                    spread(totalMs));
            failures.forEach((what, count) -> System.out.println(count + " x " + what));
        }
    }

    private static String spread(List<Double> values) {
        if (values.isEmpty()) {
            return "none";
        }
        Spread spread = Spread.of(values.stream().mapToDouble(Double::doubleValue).toArray());
        return String.format(
                Locale.ROOT,
                "p50 %.0f, p99 %.0f, max %.0f",
                spread.p50(),
                spread.p99(),
                spread.max());
    }
}
