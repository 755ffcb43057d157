// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts a fleet, asks it questions, shows who did what, and stops it again. */
@Command(
        name = "demo.sh",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Prefills prompts on one process, hands their KV cache to another,",
            "and streams the answers that are decoded there."
        })
public final class Demo implements Callable<Integer> {

    private static final List<String> QUESTIONS =
            List.of(
                    "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:",
                    "Facts: The red kite is under the bed. The blue lamp is on the roof. Question: Where is the red kite? Answer:",
                    "Facts: Tom has a green drum. Zoe has an orange scarf. Ivy has a golden key. Question: Who has the orange scarf? Answer:");

    @Option(names = "--prefill", defaultValue = "1", description = "prefill instances (default 1)")
    private int prefills;

    @Option(names = "--decode", defaultValue = "1", description = "decode instances (default 1)")
    private int decodes;

    @Option(names = "--prompt", description = "ask this instead; may be repeated")
    private @Nullable List<String> prompts;

    @Option(
            names = "--max-tokens",
            defaultValue = "48",
            description = "of each answer (default 48)")
    private int maxTokens;

    @Option(
            names = "--send-type",
            defaultValue = "PUT_ASYNC",
            description = "PUT, PUT_ASYNC or GET (default PUT_ASYNC)")
    private String sendType = "";

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "a setting of the connector, in all instances; may be repeated")
    private Map<String, String> settings = new LinkedHashMap<>();

    @Option(names = "--serve", description = "stay up until Ctrl-C, for requests of your own")
    private boolean serve;

    @Option(names = "--samples", defaultValue = "samples", hidden = true)
    private Path samples = Path.of("");

    private final PrintStream out = System.out;

    private Demo() {}

    /**
     * Runs the demo.
     *
     * @param args see {@code --help}
     */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Demo()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (prefills < 1 || decodes < 1 || prefills + decodes > 16) {
            out.println("--prefill and --decode must be at least 1 and 16 together at most");
            return 2;
        }
        Path logs = Files.createDirectories(samples.resolve("target/demo/logs"));
        settings.put("send_type", sendType);
        Fleet fleet = new Fleet(samples, logs, serve, settings, Ports.AS_DOCUMENTED);
        Thread stopper = new Thread(fleet::close, "demo-stop");
        Runtime.getRuntime().addShutdownHook(stopper);
        try {
            out.printf(
                    "Starting a proxy, %d prefill and %d decode instance%s (logs in %s) ...%n",
                    prefills, decodes, decodes == 1 ? "" : "s", logs);
            fleet.start(prefills, decodes);
            fleet.describe().forEach(line -> out.println("  " + line));
            List<String> asked = questions();
            List<DemoAnswer> answers = new ArrayList<>();
            HttpClient client = HttpClient.newHttpClient();
            for (String prompt : asked) {
                answers.add(ask(client, fleet, prompt));
            }
            summary(fleet, answers);
            if (serve) {
                out.printf("%nServing at %s/v1/completions; stop with Ctrl-C.%n", fleet.proxyUrl());
                new CountDownLatch(1).await();
            }
            boolean moved =
                    answers.stream().allMatch(answer -> answer.stat("loaded_prompt_tokens") > 0);
            if (!moved) {
                out.println(
                        "An answer was computed without the prefill instance's KV: see the logs.");
            }
            return moved ? 0 : 1;
        } catch (DemoException failure) {
            out.println("The demo can't go on: " + failure.getMessage());
            return 1;
        } finally {
            fleet.close();
        }
    }

    // Every instance gets at least one question.
    private List<String> questions() {
        if (prompts != null) {
            return prompts;
        }
        List<String> asked = new ArrayList<>();
        for (int i = 0; i < Math.max(prefills, decodes); i++) {
            asked.add(QUESTIONS.get(i % QUESTIONS.size()));
        }
        return asked;
    }

    private DemoAnswer ask(HttpClient client, Fleet fleet, String prompt)
            throws InterruptedException {
        JsonObject body = new JsonObject();
        body.addProperty("model", "base_model");
        body.addProperty("prompt", prompt);
        body.addProperty("max_tokens", maxTokens);
        body.addProperty("temperature", 0);
        body.addProperty("stream", true);
        body.addProperty("stop", " Question:"); // The model likes to go on with one of its own.
        JsonObject options = new JsonObject();
        options.addProperty("include_usage", true);
        body.add("stream_options", options);
        out.printf("%n> %s%n ", prompt);
        DemoAnswer answer =
                DemoAnswer.ask(
                        client,
                        fleet.proxyUrl(),
                        body,
                        piece -> {
                            out.print(piece);
                            out.flush();
                        });
        out.println();
        out.printf(
                "  %s computed %d of %d prompt tokens; %s loaded them, computed %d and answered with %d tokens%n",
                answer.prefill().isEmpty() ? "nobody" : fleet.nameOf(answer.prefill()),
                answer.stat("loaded_prompt_tokens"),
                answer.promptTokens(),
                fleet.nameOf(answer.decode()),
                answer.stat("computed_prompt_tokens"),
                answer.completionTokens());
        out.printf(
                "  KV moved: %,d bytes over %s, complete %.1f ms after the grant (prefill meanwhile);  TTFT %.1f ms  TPOT %.2f ms%n",
                answer.stat("kv_bytes"),
                answer.stats().has("plane") ? answer.stats().get("plane").getAsString() : "nothing",
                answer.statMs("transfer_ms"),
                answer.firstTokenNs() / 1e6,
                answer.tpotMs());
        return answer;
    }

    private void summary(Fleet fleet, List<DemoAnswer> answers) {
        Map<String, int[]> work = new LinkedHashMap<>();
        long bytes = 0;
        for (DemoAnswer answer : answers) {
            if (!answer.prefill().isEmpty()) {
                work.computeIfAbsent(fleet.nameOf(answer.prefill()), name -> new int[2])[0] +=
                        answer.stat("loaded_prompt_tokens");
            }
            int[] decode = work.computeIfAbsent(fleet.nameOf(answer.decode()), name -> new int[2]);
            decode[0] += answer.stat("computed_prompt_tokens");
            decode[1] += answer.completionTokens();
            bytes += answer.stat("kv_bytes");
        }
        out.printf("%n%-10s %16s %16s%n", "instance", "prompt computed", "tokens answered");
        work.forEach((name, tokens) -> out.printf("%-10s %16d %16d%n", name, tokens[0], tokens[1]));
        out.printf("KV handed over: %,d bytes in %d transfers%n", bytes, answers.size());
    }
}
