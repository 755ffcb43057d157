// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.soak;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Processes that {@code samples/demo.sh --serve} started; the threads of each are watched too. */
final class DemoProcesses implements AutoCloseable {

    private static final Pattern PROCESS =
            Pattern.compile("(proxy|prefill\\d+|decode\\d+) +pid (\\d+) +(?:http|kv) +(\\S+)");
    private static final Pattern SERVING =
            Pattern.compile("serving|Ctrl-C", Pattern.CASE_INSENSITIVE);

    private final Process process;
    private final List<String> names = new ArrayList<>();
    private final List<Long> pids = new ArrayList<>();
    private String url = "";

    private DemoProcesses(Process process) {
        this.process = process;
    }

    /** Starts them, from the repository's root, and waits until they serve. */
    static DemoProcesses start(int prefills, int decodes) throws IOException {
        DemoProcesses demo =
                new DemoProcesses(
                        new ProcessBuilder(
                                        "samples/demo.sh",
                                        "--serve",
                                        "--prefill",
                                        "" + prefills,
                                        "--decode",
                                        "" + decodes)
                                .redirectErrorStream(true)
                                .start());
        try {
            demo.readUntilServing();
        } catch (IOException | RuntimeException cause) {
            demo.close();
            throw cause;
        }
        demo.printHeld("at the start");
        return demo;
    }

    private void readUntilServing() throws IOException {
        // Not closed: the process would lose its output.
        BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line;
        while ((line = lines.readLine()) != null) {
            Matcher matcher = PROCESS.matcher(line);
            if (matcher.find()) {
                names.add(matcher.group(1));
                pids.add(Long.parseLong(matcher.group(2)));
                if (matcher.group(1).equals("proxy")) {
                    url = "http://" + matcher.group(3);
                }
            } else if (SERVING.matcher(line).find()) {
                Thread rest = new Thread(() -> lines.lines().forEach(ignored -> {}), "demo-output");
                rest.setDaemon(true);
                rest.start();
                return;
            }
        }
        throw new IOException("samples/demo.sh ended");
    }

    String url() {
        return url;
    }

    private void printHeld(String when) throws IOException {
        for (int i = 0; i < pids.size(); i++) {
            Path proc = Path.of("/proc", pids.get(i).toString());
            String memory =
                    Files.readAllLines(proc.resolve("status")).stream()
                            .filter(line -> line.startsWith("VmRSS") || line.startsWith("Threads"))
                            .map(line -> line.replaceAll("\\s+", " "))
                            .reduce("", (all, line) -> all + ", " + line);
            try (var files = Files.list(proc.resolve("fd"))) {
                System.out.printf("%s %s: %d files%s%n", names.get(i), when, files.count(), memory);
            }
        }
    }

    @Override
    public void close() throws IOException {
        if (process.isAlive()) {
            printHeld("at the end");
        }
        process.destroy();
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException cause) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
