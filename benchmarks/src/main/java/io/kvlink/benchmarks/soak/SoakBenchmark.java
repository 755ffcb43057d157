// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.soak;

import io.kvlink.benchmarks.http.CompletionClient;
import io.kvlink.benchmarks.measure.AtOnce;
import io.kvlink.benchmarks.measure.Machine;
import io.kvlink.benchmarks.measure.Table;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
        abbreviateSynopsis = true,
        showDefaultValues = true,
        description = "Many clients for a long time; every answer is checked.")
public final class SoakBenchmark implements Callable<Integer> {

    private static final Duration LIMIT = Duration.ofMinutes(2);

    @Option(names = "--clients", description = "at the same time")
    private int clients = 64;

    @Option(names = "--minutes", description = "of load")
    private double minutes = 10;

    @Option(names = "--requests", description = "different ones")
    private int requests = 160;

    @Option(names = "--prefill", description = "instances")
    private int prefills = 1;

    @Option(names = "--decode", description = "instances")
    private int decodes = 1;

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
        CompletionClient alone = new CompletionClient(proxy, LIMIT);
        List<String> expected = new ArrayList<>();
        long beganNs = System.nanoTime();
        for (SoakRequest request : all) {
            expected.add(alone.whole(request.body(false)).text());
        }
        print("%d answers to a single client in %.1f s", requests, secondsSince(beganNs));
        List<String> before = fleet.awaitRest(TimeUnit.SECONDS.toNanos(30));
        SoakTally tally = new SoakTally();
        long untilNs = System.nanoTime() + (long) (minutes * 60e9);
        beganNs = System.nanoTime();
        AtOnce.run(
                clients,
                (long) (minutes * 60) + 2 * LIMIT.toSeconds(),
                number ->
                        () -> {
                            ask(proxy, new Random(number), all, expected, tally, untilNs);
                            return true;
                        });
        double seconds = secondsSince(beganNs);
        List<String> after = fleet.awaitRest(TimeUnit.SECONDS.toNanos(60));
        tally.print(seconds, clients);
        for (int i = 0; i < before.size(); i++) {
            print("before %s", before.get(i));
            print("after  %s", i < after.size() ? after.get(i) : "gone");
        }
        print("%s", Machine.facts());
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
        CompletionClient client = new CompletionClient(proxy, LIMIT);
        while (System.nanoTime() - untilNs < 0) {
            int index = random.nextInt(all.size());
            int kind = random.nextInt(10);
            try {
                if (kind == 0) {
                    client.stream(all.get(index).body(true), 1 + random.nextInt(5));
                    tally.onLeft();
                } else {
                    boolean streamed = kind < 6;
                    String body = all.get(index).body(streamed);
                    tally.onAnswer(
                            streamed ? client.stream(body, Integer.MAX_VALUE) : client.whole(body),
                            streamed,
                            expected.get(index));
                }
            } catch (InterruptedException cause) {
                return;
            } catch (Exception cause) {
                tally.onFailure(cause);
            }
        }
    }

    private static double secondsSince(long beganNs) {
        return (System.nanoTime() - beganNs) / 1e9;
    }

    private static void print(String format, Object... values) {
        System.out.println(Table.number(format, values));
    }
}
