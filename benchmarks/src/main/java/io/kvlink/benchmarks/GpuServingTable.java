// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** The one table of a serving benchmark, printed line by line as figures come. */
final class GpuServingTable {

    private final String decodeBatch;

    /** Lines of one setting of {@code decode_batch}. */
    GpuServingTable(String decodeBatch) {
        this.decodeBatch = decodeBatch;
    }

    static void printHead() {
        System.out.println(
                "| decode_batch | figure | rows | tokens | median | of the rounds | p99 | tokens/s |");
        System.out.println("|---|---|---|---|---|---|---|---|");
    }

    /**
     * A figure in ms of which each round has many.
     *
     * @param rows that are computed together
     * @param tokens of a prompt, and of an answer where that matters
     * @param rounds values of each round
     * @param rates tokens a second of each round; empty if that says nothing
     */
    void printMs(
            String figure, int rows, String tokens, List<double[]> rounds, List<Double> rates) {
        double[] all = rounds.stream().flatMapToDouble(Arrays::stream).toArray();
        Spread spread = Spread.of(all);
        Spread medians = spread(rounds, round -> Spread.of(round).p50());
        print(
                figure,
                rows,
                tokens,
                number("%.2f ms", spread.p50()),
                number("%.2f–%.2f", medians.min(), medians.max()),
                number("%.2f", spread.p99()),
                rates(rates));
    }

    void printSeconds(String figure, double seconds) {
        print(figure, 0, "", number("%.1f s", seconds), "", "", "");
    }

    /** A case that the model can't be asked for. */
    void printSkipped(String figure, int rows, String tokens, String why) {
        print(figure, rows, tokens, why, "", "", "");
    }

    private static String rates(List<Double> rates) {
        if (rates.isEmpty()) {
            return "";
        }
        Spread spread = Spread.of(rates);
        return number("%.0f (%.0f–%.0f)", spread.p50(), spread.min(), spread.max());
    }

    private static String number(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    private static Spread spread(List<double[]> rounds, ToDoubleFunction<double[]> value) {
        return Spread.of(rounds.stream().mapToDouble(value).toArray());
    }

    private void print(String figure, int rows, String... cells) {
        System.out.println(
                List.of(cells).stream()
                        .collect(
                                Collectors.joining(
                                        " | ",
                                        "| %s | %s | %s | "
                                                .formatted(
                                                        decodeBatch, figure, rows == 0 ? "" : rows),
                                        " |")));
        System.out.flush();
    }
}
