// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.serving;

import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.benchmarks.measure.Table;
import java.util.Arrays;
import java.util.List;

/**
 * The one table of a serving benchmark, printed line by line as figures come.
 *
 * @param decodeBatch the setting of {@code decode_batch} that its lines are of
 */
record ServingTable(String decodeBatch) {

    static void printHead() {
        System.out.println(
                Table.head(
                        "decode_batch",
                        "figure",
                        "rows",
                        "tokens",
                        "median",
                        "of the rounds",
                        "p99",
                        "tokens/s"));
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
            String figure, int rows, Object tokens, List<double[]> rounds, List<Double> rates) {
        Spread spread = Spread.of(rounds.stream().flatMapToDouble(Arrays::stream).toArray());
        Spread medians = Spread.of(rounds, round -> Spread.of(round).p50());
        print(
                figure,
                rows,
                tokens,
                Table.number("%.2f ms", spread.p50()),
                Table.number("%.2f–%.2f", medians.min(), medians.max()),
                Table.number("%.2f", spread.p99()),
                rates.isEmpty() ? "" : Spread.of(rates).text("%.0f"));
    }

    void printSeconds(String figure, double seconds) {
        print(figure, "", "", Table.number("%.1f s", seconds), "", "", "");
    }

    /** A case that the model can't be asked for. */
    void printSkipped(String figure, int rows, Object tokens, String why) {
        print(figure, rows, tokens, why, "", "", "");
    }

    private void print(Object... cells) {
        System.out.println("| " + decodeBatch + " " + Table.row(cells));
        System.out.flush();
    }
}
