// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Signals as a user's terminal delivers them. A shell starts background commands with SIGINT
 * ignored, and {@code nohup} ignores SIGHUP. Every child inherits that, and a JVM leaves such a
 * signal ignored.
 */
final class DefaultSignals {

    private static final Map<String, Integer> NUMBERS = Map.of("HUP", 1, "INT", 2, "TERM", 15);

    private DefaultSignals() {}

    /** The command, started so that the signal ends it, whatever started this process. */
    static List<String> command(String signal, List<String> command) throws Exception {
        if (!ignoredHere(signal)) {
            return command;
        }
        List<String> prefix = List.of("env", "--default-signal=" + signal);
        List<String> tried = new ArrayList<>(prefix);
        tried.add("true");
        assumeTrue(
                new ProcessBuilder(tried).start().waitFor() == 0,
                "SIG" + signal + " is ignored here, and env has no --default-signal");
        List<String> all = new ArrayList<>(prefix);
        all.addAll(command);
        return all;
    }

    private static boolean ignoredHere(String signal) throws Exception {
        Path status = Path.of("/proc/self/status");
        Integer number = NUMBERS.get(signal);
        if (number == null || !Files.isReadable(status)) {
            return false;
        }
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("SigIgn:")) {
                long mask = Long.parseUnsignedLong(line.substring("SigIgn:".length()).trim(), 16);
                return (mask >> (number - 1) & 1) != 0;
            }
        }
        return false;
    }
}
