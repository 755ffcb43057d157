// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Many clients for a long time, against the demo's processes. Each answer is compared with the one
 * that a single client got before, and each instance with its state before. Ends with 1 if anything
 * differs or failed.
 */
@Command(
        name = "soak",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Many clients for a long time; every answer is checked.")
public final class SoakBenchmark implements Callable<Integer> {

    @Option(names = "--clients", defaultValue = "64", description = "default ${DEFAULT-VALUE}")
    private int clients;

    @Option(names = "--minutes", defaultValue = "10", description = "default ${DEFAULT-VALUE}")
    private double minutes;

    @Option(
            names = "--requests",
            defaultValue = "160",
            description = "different ones (default ${DEFAULT-VALUE})")
    private int requests;

    @Option(names = "--prefill", defaultValue = "1", description = "default ${DEFAULT-VALUE}")
    private int prefills;

    @Option(names = "--decode", defaultValue = "1", description = "default ${DEFAULT-VALUE}")
    private int decodes;

    @Option(
            names = "--url",
            description = "a proxy that runs already, instead of processes of our own")
    private @Nullable String url;

    private SoakBenchmark() {}

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new SoakBenchmark()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (url != null) {
            return run(url);
        }
        try (DemoProcesses demo = DemoProcesses.start(prefills, decodes)) {
            return run(demo.url());
        }
    }

    private int run(String proxy) throws Exception {
        SoakFleet fleet = new SoakFleet(proxy);
        List<SoakRequest> all = new ArrayList<>();
        Random random = new Random(1);
        for (int i = 0; i < requests; i++) {
            all.add(SoakRequest.next(random));
        }
        SoakClient alone = new SoakClient(proxy);
        List<String> expected = new ArrayList<>();
        long beganNs = System.nanoTime();
        for (SoakRequest request : all) {
            expected.add(alone.whole(request).text());
        }
        print("%d answers to a single client in %.1f s", requests, secondsSince(beganNs));
        List<String> before = fleet.awaitRest(TimeUnit.SECONDS.toNanos(30));
        SoakTally tally = new SoakTally();
        long untilNs = System.nanoTime() + (long) (minutes * 60e9);
        List<Thread> threads = new ArrayList<>();
        beganNs = System.nanoTime();
        for (int i = 0; i < clients; i++) {
            long seed = i;
            Thread thread =
                    new Thread(
                            () -> ask(proxy, new Random(seed), all, expected, tally, untilNs),
                            "client-" + i);
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        double seconds = secondsSince(beganNs);
        List<String> after = fleet.awaitRest(TimeUnit.SECONDS.toNanos(60));
        tally.print(seconds, clients);
        for (int i = 0; i < before.size(); i++) {
            print("before %s", before.get(i));
            print("after  %s", i < after.size() ? after.get(i) : "gone");
        }
        print("%s", loadAverage());
        boolean same = before.equals(after);
        if (!same) {
            print("NOT at rest as before");
        }
        return same && tally.clean() ? 0 : 1;
    }

    private static void ask(
            String proxy,
            Random random,
            List<SoakRequest> all,
            List<String> expected,
            SoakTally tally,
            long untilNs) {
        SoakClient client = new SoakClient(proxy);
        while (System.nanoTime() - untilNs < 0) {
            int index = random.nextInt(all.size());
            int kind = random.nextInt(10);
            try {
                if (kind == 0) {
                    client.leave(all.get(index), 1 + random.nextInt(5));
                    tally.onLeft();
                } else {
                    SoakClient.Answer answer =
                            kind < 6
                                    ? client.streamed(all.get(index))
                                    : client.whole(all.get(index));
                    tally.onAnswer(answer, expected.get(index));
                }
            } catch (InterruptedException cause) {
                return;
            } catch (Exception cause) {
                tally.onFailure(cause);
            }
        }
    }

    private static String loadAverage() throws java.io.IOException {
        return "load average "
                + Files.readString(Path.of("/proc/loadavg")).trim()
                + ", "
                + Runtime.getRuntime().availableProcessors()
                + " cores";
    }

    private static double secondsSince(long beganNs) {
        return (System.nanoTime() - beganNs) / 1e9;
    }

    private static void print(String format, Object... values) {
        System.out.printf(Locale.ROOT, format + "%n", values);
    }
}
