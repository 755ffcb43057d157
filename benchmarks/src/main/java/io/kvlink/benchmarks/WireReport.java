// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Results of a run, for people and for programs. */
record WireReport(
        List<String> facts,
        List<WireResult> results,
        List<WireResult.Bulk> bulks,
        List<WireFloors.Floor> floors) {

    /** Tables in Markdown. */
    String markdown() {
        StringBuilder out = new StringBuilder();
        facts.forEach(fact -> out.append("- ").append(fact).append('\n'));
        List<WireResult> onePair =
                results.stream().filter(result -> result.pairs().size() == 1).toList();
        if (!onePair.isEmpty()) {
            overview(out, onePair);
            details(out, onePair);
        }
        bulkTable(out);
        pairTable(out);
        floorTable(out);
        return out.toString();
    }

    private static void overview(StringBuilder out, List<WireResult> onePair) {
        out.append("\nSave → loaded, ms, median (99th percentile), contiguous blocks:\n\n");
        Set<String> columns = new LinkedHashSet<>();
        Set<Integer> rows = new TreeSet<>();
        for (WireResult result : onePair) {
            columns.add(result.setup().toString());
            rows.add(result.tokens());
        }
        line(out, "tokens", columns);
        line(out, "---", columns.stream().map(column -> "---").toList());
        for (int tokens : rows) {
            List<String> cells = new ArrayList<>();
            for (String column : columns) {
                cells.add(
                        onePair.stream()
                                .filter(
                                        result ->
                                                result.tokens() == tokens
                                                        && !result.scattered()
                                                        && result.setup().toString().equals(column))
                                .findFirst()
                                .map(
                                        result ->
                                                format(
                                                        "%.2f (%.2f)",
                                                        result.ms().p50(), result.ms().p99()))
                                .orElse(""));
            }
            line(out, Integer.toString(tokens), cells);
        }
    }

    private static void details(StringBuilder out, List<WireResult> onePair) {
        out.append(
                """

                | series | tokens | n | p50 ms | min – p99 – max | GB/s | floor ms | of floor | wanted ms | saveLayer us p50 / p99 (PUT_ASYNC between GPUs: 10 wanted) | CPU us: connectors / processes | KiB allocated: engines + connectors | first ms |
                |---|---|---|---|---|---|---|---|---|---|---|---|---|
                """);
        for (WireResult result : onePair) {
            Spread ms = result.ms();
            WireFloors.Floor floor = result.floor();
            line(
                    out,
                    result.setup() + (result.scattered() ? ", scattered" : ""),
                    List.of(
                            Integer.toString(result.tokens()),
                            Integer.toString(ms.count()),
                            format("%.3f", ms.p50()),
                            format("%.2f – %.2f – %.2f", ms.min(), ms.p99(), ms.max()),
                            format("%.2f", result.gbs()),
                            floor == null ? "" : format("%.3f", floor.ms().p50()),
                            format("%.2f", result.ratio()),
                            wanted(result.targetMs(), ms.p50()),
                            format("%.1f / %.1f", result.saveUs().p50(), result.saveUs().p99()),
                            format("%.0f / %.0f", result.connectorCpuUs(), result.processCpuUs()),
                            format("%.1f + %.1f", result.engineKib(), result.connectorKib()),
                            result.firstMs() == null ? "" : format("%.1f", result.firstMs())));
        }
    }

    private static String wanted(@Nullable Double targetMs, double ms) {
        return targetMs == null
                ? ""
                : format("%.2f %s", targetMs, ms <= targetMs ? "met" : "NOT met");
    }

    private void bulkTable(StringBuilder out) {
        if (bulks.isEmpty()) {
            return;
        }
        out.append(
                """

                Back to back, each begun when the one before is saved:

                | series | tokens | transfers | fit into the buffer | GB/s p50 (min – max) | floor back to back, GB/s | share (between GPUs: 95 % wanted) |
                |---|---|---|---|---|---|---|
                """);
        for (WireResult.Bulk bulk : bulks) {
            WireFloors.Floor floor = bulk.floor();
            line(
                    out,
                    bulk.setup().toString(),
                    List.of(
                            Integer.toString(bulk.tokens()),
                            Integer.toString(bulk.transfers()),
                            Integer.toString(bulk.room()),
                            format(
                                    "%.2f (%.2f – %.2f)",
                                    bulk.gbs().p50(), bulk.gbs().min(), bulk.gbs().max()),
                            floor == null ? "" : format("%.2f", floor.backToBackGbs()),
                            format("%.0f %%", 100 * bulk.share())));
        }
    }

    private void pairTable(StringBuilder out) {
        List<WireResult> several =
                results.stream().filter(result -> result.pairs().size() > 1).toList();
        if (several.isEmpty()) {
            return;
        }
        out.append(
                """

                All pairs at once; the last column is a pair's median against its share of the wire, the floor times the number of pairs:

                | topology | series | tokens | n | all pairs GB/s | of the wire | pairs: p50 (p99) ms | slowest of its share |
                |---|---|---|---|---|---|---|---|
                """);
        for (WireResult result : several) {
            WireFloors.Floor floor = result.floor();
            List<String> pairs =
                    result.pairs().stream()
                            .map(
                                    pair ->
                                            format(
                                                    "%s %.2f (%.2f)",
                                                    pair.pair(), pair.ms().p50(), pair.ms().p99()))
                            .toList();
            double slowest =
                    result.pairs().stream().mapToDouble(result::ratioToShare).max().orElseThrow();
            line(
                    out,
                    result.topology(),
                    List.of(
                            result.setup().toString(),
                            Integer.toString(result.tokens()),
                            Integer.toString(result.aggregateGbs().count()),
                            format("%.2f", result.aggregateGbs().p50()),
                            floor == null
                                    ? ""
                                    : format("%.2f", result.aggregateGbs().p50() / floor.gbs()),
                            String.join(", ", pairs),
                            format("%.2f", slowest)));
        }
    }

    private void floorTable(StringBuilder out) {
        out.append(
                """

                Floors of this run, without a connector:

                | floor | tokens | p50 ms | min – p99 – max | until the caller knows, ms | GB/s | back to back, GB/s | CPU ms/GB |
                |---|---|---|---|---|---|---|---|
                """);
        for (WireFloors.Floor floor : floors) {
            Spread ms = floor.ms();
            line(
                    out,
                    floor.kind(),
                    List.of(
                            Integer.toString(floor.tokens()),
                            format("%.3f", ms.p50()),
                            format("%.3f – %.3f – %.3f", ms.min(), ms.p99(), ms.max()),
                            format("%.3f", floor.wallMs().p50()),
                            format("%.2f", floor.gbs()),
                            format("%.2f", floor.backToBackGbs()),
                            Double.isNaN(floor.cpuMsPerGb())
                                    ? ""
                                    : format("%.0f", floor.cpuMsPerGb())));
        }
    }

    private static void line(StringBuilder out, String first, Iterable<String> cells) {
        out.append("| ").append(first).append(" |");
        cells.forEach(cell -> out.append(' ').append(cell).append(" |"));
        out.append('\n');
    }

    private static String format(String text, Object... values) {
        return String.format(Locale.ROOT, text, values);
    }

    /** All figures, and the ratios drawn from them. */
    String json() {
        Gson gson =
                new GsonBuilder()
                        .setPrettyPrinting()
                        .serializeSpecialFloatingPointValues()
                        .create();
        JsonArray all = new JsonArray();
        for (WireResult result : results) {
            JsonObject object = gson.toJsonTree(result).getAsJsonObject();
            object.addProperty("ratioToFloor", result.ratio());
            object.addProperty("gbs", result.gbs());
            all.add(object);
        }
        JsonObject report = new JsonObject();
        report.add("facts", gson.toJsonTree(facts));
        report.add("results", all);
        report.add("bulks", gson.toJsonTree(bulks));
        report.add("floors", gson.toJsonTree(floors));
        return gson.toJson(report);
    }
}
