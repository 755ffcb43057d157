// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import io.kvlink.spi.HostPort;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** A {@link ParityWorker}'s process, seen from the one that asks. Any thread. */
final class ParityProcess implements AutoCloseable {

    private static final int START_S = 120;
    private static final int ANSWER_S = 60;
    private static final String MARK = "kvlink ";
    private static final String READY = "ready";

    private final String name;
    private final Path log;
    private final Process process;
    private final PrintWriter questions;
    // By request id, and the address under READY. Made by whoever comes first, asker or reader.
    private final Map<String, CompletableFuture<String>> replies = new ConcurrentHashMap<>();

    /**
     * One answer.
     *
     * @param facts what else the worker said of it, by name
     */
    record Reply(List<Integer> tokens, Map<String, String> facts) {}

    private ParityProcess(String name, Path log, Process process) {
        this.name = name;
        this.log = log;
        this.process = process;
        this.questions = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
    }

    /** Starts a worker; doesn't wait until it is ready. */
    static ParityProcess start(
            Path logs, Path model, String name, String device, String role, String plane) {
        Path log = logs.resolve(name + ".log");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Dai.djl.pytorch.num_threads=1");
        command.add("-Dorg.slf4j.simpleLogger.showDateTime=true");
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.add(ParityWorker.class.getName());
        command.addAll(List.of(model.toString(), device, role, plane));
        try {
            ParityProcess started =
                    new ParityProcess(
                            name,
                            log,
                            new ProcessBuilder(command).redirectError(log.toFile()).start());
            Thread reader = new Thread(started::read, "parity-" + name);
            reader.setDaemon(true);
            reader.start();
            return started;
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** Waits until it is ready; its connector's address, or {@code -}. */
    String address() {
        return await(READY, START_S);
    }

    /** Address that peers reach the process at. */
    HostPort kvAddress() {
        return HostPort.parse(address());
    }

    void ask(String id, int[] prompt, int maxTokens) {
        String tokens =
                Arrays.stream(prompt).mapToObj(String::valueOf).collect(Collectors.joining(","));
        synchronized (questions) {
            questions.println(id + " " + maxTokens + " " + tokens);
        }
    }

    Reply reply(String id) {
        Map<String, String> facts =
                Arrays.stream(await(id, ANSWER_S).split(" "))
                        .map(fact -> fact.split("=", 2))
                        .collect(Collectors.toMap(fact -> fact[0], fact -> fact[1]));
        List<Integer> tokens =
                Arrays.stream(facts.get("tokens").split(",")).map(Integer::valueOf).toList();
        return new Reply(tokens, facts);
    }

    private String await(String key, int seconds) {
        try {
            return future(key).orTimeout(seconds, TimeUnit.SECONDS).join();
        } catch (RuntimeException cause) {
            throw new IllegalStateException(
                    "process=%s waits for=%s; its log is %s".formatted(name, key, log), cause);
        }
    }

    private CompletableFuture<String> future(String key) {
        return replies.computeIfAbsent(key, unseen -> new CompletableFuture<>());
    }

    private void read() {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line; (line = lines.readLine()) != null; ) {
                // Libraries print here too.
                if (line.startsWith(MARK)) {
                    onLine(line.substring(MARK.length()).split(" ", 3));
                }
            }
            replies.values().forEach(reply -> fail(reply, "it ended"));
            fail(future(READY), "it ended");
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private void onLine(String[] words) {
        switch (words[0]) {
            case READY -> future(READY).complete(words[1]);
            case "done" -> future(words[1]).complete(words[2]);
            default -> fail(future(words[1].equals("start") ? READY : words[1]), words[2]);
        }
    }

    private static void fail(CompletableFuture<String> reply, String why) {
        reply.completeExceptionally(new IllegalStateException(why));
    }

    /** Ends it as its user would, by the end of its input; kills it if that doesn't do. */
    @Override
    public void close() {
        questions.close();
        try {
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                System.out.println(name + " doesn't end; killed");
                process.destroyForcibly();
            } else if (process.exitValue() != 0) {
                System.out.println(name + " ended with " + process.exitValue());
            }
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
    }
}
