// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One process of the demo. It ends when told to, and also by itself when the demo's process is
 * gone: its standard input is a pipe from here.
 */
final class Child implements AutoCloseable {

    private final String name;
    private final Process process;
    private final Path log;

    private Child(String name, Process process, Path log) {
        this.name = name;
        this.process = process;
        this.log = log;
    }

    /**
     * Starts a Java program.
     *
     * @param name what to call it
     * @param logs directory for its output
     * @param lasting whether it is to run for long: then the JIT's second compiler pays
     * @param command class and arguments
     */
    static Child start(String name, Path logs, boolean lasting, List<String> command) {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.add("-XX:+UseSerialGC");
        if (!lasting) {
            line.add("-XX:TieredStopAtLevel=1");
        }
        line.add("-Xshare:auto");
        line.add("-Dai.djl.pytorch.num_threads=1");
        line.add("-Dorg.slf4j.simpleLogger.showDateTime=true");
        line.add("-cp");
        line.add(System.getProperty("java.class.path"));
        line.addAll(command);
        Path log = logs.resolve(name + ".log");
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().put("OPT_OUT_TRACKING", "true");
        builder.redirectErrorStream(true).redirectOutput(log.toFile());
        try {
            return new Child(name, builder.start(), log);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    String name() {
        return name;
    }

    long pid() {
        return process.pid();
    }

    /**
     * Waits for a line of the process's output.
     *
     * @param pattern what the line must contain
     * @param deadlineNs when to give up
     * @return the match
     * @throws DemoException if the process ends or time passes before
     */
    Matcher await(Pattern pattern, long deadlineNs) throws InterruptedException {
        while (true) {
            boolean alive = process.isAlive();
            try (BufferedReader lines = Files.newBufferedReader(log, StandardCharsets.UTF_8)) {
                for (String line; (line = lines.readLine()) != null; ) {
                    Matcher matcher = pattern.matcher(line);
                    if (matcher.find()) {
                        return matcher;
                    }
                }
            } catch (IOException cause) {
                throw new UncheckedIOException(cause);
            }
            if (!alive || System.nanoTime() > deadlineNs) {
                throw new DemoException(
                        "%s %s; its output is in %s%n%s"
                                .formatted(
                                        name,
                                        alive ? "isn't ready in time" : "ended at its start",
                                        log,
                                        tail()));
            }
            process.waitFor(50, TimeUnit.MILLISECONDS);
        }
    }

    /** Asks the process to end. */
    void stop() {
        process.destroy();
    }

    /** Asks it to end, and if it doesn't within seconds, ends it. */
    @Override
    public void close() {
        process.destroy();
        boolean ended = false;
        try {
            ended = process.waitFor(10, TimeUnit.SECONDS);
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
        if (!ended) {
            process.destroyForcibly();
        }
    }

    private String tail() {
        try {
            List<String> lines = Files.readAllLines(log, StandardCharsets.UTF_8);
            return String.join(
                    System.lineSeparator(),
                    lines.subList(Math.max(0, lines.size() - 5), lines.size()));
        } catch (IOException cause) {
            return "";
        }
    }
}
