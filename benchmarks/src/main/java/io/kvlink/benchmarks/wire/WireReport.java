// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import static io.kvlink.benchmarks.measure.Table.number;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.benchmarks.measure.Table;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
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
        Set<String> columns = new LinkedHashSet<>(List.of("tokens"));
        Map<Integer, Map<String, String>> rows = new TreeMap<>();
        for (WireResult result : onePair) {
            String column = result.setup().toString();
            columns.add(column);
            if (!result.scattered()) {
                rows.computeIfAbsent(result.tokens(), key -> new HashMap<>())
                        .put(column, number("%.2f (%.2f)", result.ms().p50(), result.ms().p99()));
            }
        }
        out.append(Table.head(columns.toArray(String[]::new))).append('\n');
        rows.forEach(
                (tokens, cells) ->
                        line(
                                out,
                                columns.stream()
                                        .map(
                                                column ->
                                                        column.equals("tokens")
                                                                ? tokens
                                                                : cells.getOrDefault(column, ""))
                                        .toArray()));
    }

    private static void details(StringBuilder out, List<WireResult> onePair) {
        head(
                out,
                "",
                "series",
                "tokens",
                "n",
                "p50 ms",
                "min – p99 – max",
                "GB/s",
                "floor ms",
                "of floor",
                "wanted ms",
                "saveLayer us p50 / p99 (PUT_ASYNC between GPUs: 10 wanted)",
                "CPU us: connectors / processes",
                "KiB allocated: engines + connectors",
                "first ms");
        for (WireResult result : onePair) {
            Spread ms = result.ms();
            WireFloors.Floor floor = result.floor();
            line(
                    out,
                    result.setup() + (result.scattered() ? ", scattered" : ""),
                    result.tokens(),
                    ms.count(),
                    number("%.3f", ms.p50()),
                    number("%.2f – %.2f – %.2f", ms.min(), ms.p99(), ms.max()),
                    number("%.2f", result.gbs()),
                    floor == null ? "" : number("%.3f", floor.ms().p50()),
                    number("%.2f", result.ratio()),
                    wanted(result.targetMs(), ms.p50()),
                    number("%.1f / %.1f", result.saveUs().p50(), result.saveUs().p99()),
                    number("%.0f / %.0f", result.connectorCpuUs(), result.processCpuUs()),
                    number("%.1f + %.1f", result.engineKib(), result.connectorKib()),
                    result.firstMs() == null ? "" : number("%.1f", result.firstMs()));
        }
    }

    private static String wanted(@Nullable Double targetMs, double ms) {
        return targetMs == null
                ? ""
                : number("%.2f %s", targetMs, ms <= targetMs ? "met" : "NOT met");
    }

    private void bulkTable(StringBuilder out) {
        if (bulks.isEmpty()) {
            return;
        }
        head(
                out,
                "Back to back, each begun when the one before is saved:\n\n",
                "series",
                "tokens",
                "transfers",
                "fit into the buffer",
                "GB/s p50 (min – max)",
                "floor back to back, GB/s",
                "share (between GPUs: 95 % wanted)");
        for (WireResult.Bulk bulk : bulks) {
            WireFloors.Floor floor = bulk.floor();
            line(
                    out,
                    bulk.setup(),
                    bulk.tokens(),
                    bulk.transfers(),
                    bulk.room(),
                    bulk.gbs().text("%.2f"),
                    floor == null ? "" : number("%.2f", floor.backToBackGbs()),
                    number("%.0f %%", 100 * bulk.share()));
        }
    }

    private void pairTable(StringBuilder out) {
        List<WireResult> several =
                results.stream().filter(result -> result.pairs().size() > 1).toList();
        if (several.isEmpty()) {
            return;
        }
        head(
                out,
                "All pairs at once; the last column is a pair's median against its share of the"
                        + " wire, the floor times the number of pairs:\n\n",
                "topology",
                "series",
                "tokens",
                "n",
                "all pairs GB/s",
                "of the wire",
                "pairs: p50 (p99) ms",
                "slowest of its share");
        for (WireResult result : several) {
            WireFloors.Floor floor = result.floor();
            double gbs = result.aggregateGbs().p50();
            line(
                    out,
                    result.topology(),
                    result.setup(),
                    result.tokens(),
                    result.aggregateGbs().count(),
                    number("%.2f", gbs),
                    floor == null ? "" : number("%.2f", gbs / floor.gbs()),
                    result.pairs().stream()
                            .map(WireResult.PairTimes::toString)
                            .collect(Collectors.joining(", ")),
                    number("%.2f", result.worstShare()));
        }
    }

    private void floorTable(StringBuilder out) {
        head(
                out,
                "Floors of this run, without a connector:\n\n",
                "floor",
                "tokens",
                "p50 ms",
                "min – p99 – max",
                "until the caller knows, ms",
                "GB/s",
                "back to back, GB/s",
                "CPU ms/GB");
        for (WireFloors.Floor floor : floors) {
            Spread ms = floor.ms();
            double cpu = floor.cpuMsPerGb();
            line(
                    out,
                    floor.kind(),
                    floor.tokens(),
                    number("%.3f", ms.p50()),
                    number("%.3f – %.3f – %.3f", ms.min(), ms.p99(), ms.max()),
                    number("%.3f", floor.wallMs().p50()),
                    number("%.2f", floor.gbs()),
                    number("%.2f", floor.backToBackGbs()),
                    Double.isNaN(cpu) ? "" : number("%.0f", cpu));
        }
    }

    private static void head(StringBuilder out, String above, String... names) {
        out.append('\n').append(above).append(Table.head(names)).append('\n');
    }

    private static void line(StringBuilder out, Object... cells) {
        out.append(Table.row(cells)).append('\n');
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
