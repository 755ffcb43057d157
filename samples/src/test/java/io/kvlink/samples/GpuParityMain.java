// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import io.kvlink.djl.text.Tokenizer;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeSet;
import java.util.UUID;

/**
 * Asks the demo model on one CPU, on one GPU, and split over two GPUs, and compares the tokens. All
 * parts are real, and each instance has a process of its own. Prints a row for each run and writes
 * one for each prompt to {@code table.txt}; the exit code is 0 if all are equal.
 */
final class GpuParityMain {

    private static final int ANSWER = 24;
    private static final int SHOWN = 12;
    private static final int[] LENGTHS = {
        1, 2, 15, 16, 17, 18, 60, 100, 150, 255, 256, 257, 258, 300, 400, 511, 512, 513, 600, 700
    };

    private final Path logs;
    private final Path model;
    private final List<int[]> prompts;
    private final List<List<Integer>> expected = new ArrayList<>();
    private final Map<String, Run> runs = new LinkedHashMap<>();
    private final PrintWriter table;
    private int wrong;

    /** Answers to one run's prompts. */
    private static final class Run {
        private int equal;
        private final TreeSet<String> planes = new TreeSet<>();
        private final List<Double> ms = new ArrayList<>();

        void add(boolean same, ParityProcess.Reply reply) {
            equal += same ? 1 : 0;
            ms.add(Double.valueOf(reply.facts().get("ms")));
            // A prompt of one token has nothing to move.
            if (!reply.facts().get("loaded").equals("0")) {
                planes.add(reply.facts().get("plane"));
            }
        }
    }

    private GpuParityMain(Path logs, Path model) throws IOException {
        this.table = new PrintWriter(Files.newBufferedWriter(logs.resolve("table.txt")), true);
        this.logs = logs;
        this.model = model;
        this.prompts = prompts(model);
    }

    /** Arguments: directory for logs, model directory, prefill's device, decode's, data planes. */
    public static void main(String[] args) throws IOException {
        Path logs = Files.createDirectories(Path.of(args[0]));
        GpuParityMain parity = new GpuParityMain(logs, Path.of(args[1]));
        parity.aggregated("cpu", "cpu");
        parity.aggregated("one-" + args[2], args[2]);
        for (String plane : Arrays.copyOfRange(args, 4, args.length)) {
            parity.split(args[2], args[3], plane);
        }
        parity.summary();
        parity.table.close();
        System.exit(parity.wrong == 0 ? 0 : 1);
    }

    /**
     * One instance computes everything; the first such run is what the others are compared with.
     */
    private void aggregated(String name, String device) {
        try (ParityProcess worker =
                ParityProcess.start(logs, model, name, device, "none", "auto")) {
            worker.address();
            for (int i = 0; i < prompts.size(); i++) {
                worker.ask("local-" + i, prompts.get(i), ANSWER);
                ParityProcess.Reply reply = worker.reply("local-" + i);
                if (expected.size() == i) {
                    expected.add(reply.tokens());
                }
                row(name, i, reply);
            }
        } catch (IllegalStateException cause) {
            failed(name, cause);
        }
    }

    /** Each prompt alone, then all at once. */
    private void split(String prefillDevice, String decodeDevice, String plane) {
        String run = plane + ":" + prefillDevice + "->" + decodeDevice;
        try (ParityProcess prefill = process(plane, "prefill", prefillDevice, "kv_producer");
                ParityProcess decode = process(plane, "decode", decodeDevice, "kv_consumer")) {
            for (int i = 0; i < prompts.size(); i++) {
                String id = ask(prefill, decode, i);
                check(run, i, prefill.reply(id), decode.reply(id));
            }
            Deque<String> ids = new ArrayDeque<>();
            for (int i = 0; i < prompts.size(); i++) {
                ids.add(ask(prefill, decode, i));
            }
            for (int i = 0; i < prompts.size(); i++) {
                String id = ids.remove();
                check(run + " all at once", i, prefill.reply(id), decode.reply(id));
            }
        } catch (IllegalStateException cause) {
            failed(run, cause);
        }
    }

    private ParityProcess process(String plane, String name, String device, String role) {
        return ParityProcess.start(logs, model, plane + "-" + name, device, role, plane);
    }

    private String ask(ParityProcess prefill, ParityProcess decode, int prompt) {
        UUID uuid = UUID.randomUUID();
        HostPort from = prefill.kvAddress();
        HostPort to = decode.kvAddress();
        TransferId id =
                new TransferId(uuid.getMostSignificantBits(), uuid.getLeastSignificantBits(), 0);
        String request = new TransferRoute(from, to, id).requestId();
        prefill.ask(request, prompts.get(prompt), 1);
        decode.ask(request, prompts.get(prompt), ANSWER);
        return request;
    }

    private void check(
            String run, int prompt, ParityProcess.Reply first, ParityProcess.Reply answer) {
        int loaded = Integer.parseInt(answer.facts().get("loaded"));
        int length = prompts.get(prompt).length;
        // The whole prompt comes with P's first token; one token alone isn't worth a transfer.
        int whole = length == 1 ? 0 : length;
        if (loaded != whole || !first.tokens().equals(expected.get(prompt).subList(0, 1))) {
            complain(
                    "%s prompt=%d loaded=%d of %d, prefill's token=%s"
                            .formatted(run, prompt, loaded, whole, first.tokens()));
        }
        row(run, prompt, answer);
    }

    private void row(String run, int prompt, ParityProcess.Reply reply) {
        int same = 0;
        List<Integer> want = expected.get(prompt);
        while (same < Math.min(want.size(), reply.tokens().size())
                && Objects.equals(want.get(same), reply.tokens().get(same))) {
            same++;
        }
        boolean equal = want.equals(reply.tokens());
        String row =
                "%-36s prompt %2d of %3d tokens: %s %2d/%d tokens, loaded=%s plane=%s ms=%s"
                        .formatted(
                                run,
                                prompt,
                                prompts.get(prompt).length,
                                equal ? "equal    " : "DIFFERENT",
                                same,
                                want.size(),
                                reply.facts().get("loaded"),
                                reply.facts().get("plane"),
                                reply.facts().get("ms"));
        table.println(row);
        if (!equal) {
            complain(row);
        }
        runs.computeIfAbsent(run, unseen -> new Run()).add(equal, reply);
    }

    private void summary() {
        System.out.printf("%-36s %9s %-20s %16s%n", "run", "equal", "plane", "ms p50, max");
        runs.forEach(
                (name, run) -> {
                    Collections.sort(run.ms);
                    System.out.printf(
                            "%-36s %6d/%2d %-20s %8.1f %8.1f%n",
                            name,
                            run.equal,
                            prompts.size(),
                            run.planes,
                            run.ms.get(run.ms.size() / 2),
                            run.ms.get(run.ms.size() - 1));
                });
        System.out.printf("%s: wrong=%d%n", wrong == 0 ? "EQUAL" : "DIFFERENT", wrong);
    }

    private void failed(String run, IllegalStateException cause) {
        complain(run + " FAILED: " + cause.getMessage() + ": " + cause.getCause());
    }

    private void complain(String what) {
        wrong++;
        if (wrong <= SHOWN) {
            System.out.println(what);
        }
    }

    /** Every other one reads like the training data, the rest are noise. */
    private static List<int[]> prompts(Path model) {
        Random random = new Random(20261125);
        FactQuestions questions = new FactQuestions(11);
        List<int[]> prompts = new ArrayList<>();
        try (Tokenizer tokenizer = Tokenizer.load(model)) {
            for (int i = 0; i < LENGTHS.length; i++) {
                prompts.add(
                        i % 2 == 0
                                ? random.ints(LENGTHS[i], 3, 1024).toArray()
                                : facts(tokenizer, questions, LENGTHS[i]));
            }
        }
        return prompts;
    }

    private static int[] facts(Tokenizer tokenizer, FactQuestions questions, int length) {
        StringBuilder text = new StringBuilder();
        int[] tokens;
        do {
            FactQuestions.Question question = questions.next();
            text.append(question.prompt()).append(question.answer()).append(' ');
            tokens = tokenizer.encode(text.toString());
        } while (tokens.length < length);
        return Arrays.copyOf(tokens, length);
    }
}
