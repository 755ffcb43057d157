// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.soak;

import io.kvlink.benchmarks.http.CompletionClient.Answer;
import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.benchmarks.measure.Table;
import java.util.ArrayList;
import java.util.List;
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

    void onAnswer(Answer answer, boolean streamed, String expected) {
        String text = answer.text();
        synchronized (lock) {
            answers++;
            totalMs.add(answer.totalMs());
            if (streamed) {
                tokens += answer.events().size();
                firstMs.add(answer.firstMs());
            }
            if (!text.equals(expected)) {
                wrong++;
                System.out.println("WRONG: " + text + " | expected: " + expected);
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
            System.out.println(
                    Table.number(
                            "%d clients, %.0f s: %d answers (%.1f a second), %d wrong,"
                                    + " %d left early, %d failures; streamed tokens a second %.0f",
                            clients,
                            seconds,
                            answers,
                            answers / seconds,
                            wrong,
                            left,
                            failures.values().stream().mapToInt(Integer::intValue).sum(),
                            tokens / seconds));
            System.out.println(
                    "first token ms " + spread(firstMs) + "; whole answer ms " + spread(totalMs));
            failures.forEach((what, count) -> System.out.println(count + " x " + what));
        }
    }

    private static String spread(List<Double> values) {
        if (values.isEmpty()) {
            return "none";
        }
        Spread spread = Spread.of(values);
        return Table.number(
                "p50 %.0f, p99 %.0f, max %.0f", spread.p50(), spread.p99(), spread.max());
    }
}
