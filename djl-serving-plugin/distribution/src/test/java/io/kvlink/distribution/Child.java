// SPDX-License-Identifier: Apache-2.0
package io.kvlink.distribution;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A server process that says on its first lines where it listens. Killed when closed. */
final class Child implements AutoCloseable {

    private static final Pattern READY =
            Pattern.compile("ready http=([\\d.]+:\\d+) (?:kv=\\S+|discovery=tcp://(\\S+)).*");

    private final Process process;
    private final Matcher ready;

    private Child(Process process, Matcher ready) {
        this.process = process;
        this.ready = ready;
    }

    /** Returns when it is ready; the test's own time limit ends the wait for one that never is. */
    static Child start(List<String> command, Path log) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(log.toFile());
        builder.environment().put("OPT_OUT_TRACKING", "true");
        Process process = builder.start();
        BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        for (String line; (line = out.readLine()) != null; ) {
            Matcher ready = READY.matcher(line);
            if (ready.find()) {
                return new Child(process, ready);
            }
        }
        process.destroyForcibly();
        throw new IOException(command + " ended before it was ready: " + Files.readString(log));
    }

    String http() {
        return ready.group(1);
    }

    /** Address that instances register at, of a proxy. */
    String discovery() {
        return ready.group(2);
    }

    /** SIGTERM, as an operator sends it; the exit code. */
    int terminate() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            throw new IllegalStateException("still runs 30 s after SIGTERM");
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
