// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.wire.node.NodeCall;
import io.kvlink.benchmarks.wire.node.Usage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;

/** The engines of one topology, in processes of their own. Used by one thread. */
final class WireFleet implements AutoCloseable {

    private static final long LIMIT_SECONDS = 120;
    private static final int CLOCK_SAMPLES = 200;
    // No more than a limit: what is used is what memory and buffers ask for.
    private static final long DIRECT_BYTES = 1L << 38;

    /**
     * An engine and its process.
     *
     * @param name its name there
     * @param ip where it listens
     * @param process that it is in
     */
    record Remote(String name, String ip, RemoteProcess process) {}

    /**
     * Place of one side's processes.
     *
     * @param launcher words before their command line; none for this host
     * @param ip where their engines listen
     */
    record Side(List<String> launcher, String ip) {
        static final Side HERE = new Side(List.of(), "127.0.0.1");
    }

    /**
     * Distance of a process's clock from this one's.
     *
     * @param offsetNs how far they seem to be apart
     * @param uncertaintyNs how far this may be wrong
     */
    private record ClockOffset(long offsetNs, long uncertaintyNs) {}

    final Topology topology;
    final List<Remote> producers = new ArrayList<>();
    final List<Remote> consumers = new ArrayList<>();
    private final List<RemoteProcess> processes = new ArrayList<>();
    private final CompletableFuture<Object> broken = new CompletableFuture<>();
    private final boolean elsewhere;
    // Of processes whose clock isn't this host's.
    private final Map<RemoteProcess, Long> offsetsNs = new HashMap<>();

    /**
     * Starts the processes.
     *
     * @param topology which engines
     * @param from place of the producers
     * @param to place of the consumers
     * @param oneProcess whether all live in one process, at the producers' place
     */
    WireFleet(Topology topology, Side from, Side to, boolean oneProcess) throws IOException {
        this.topology = topology;
        elsewhere = !from.launcher.isEmpty() || !to.launcher.isEmpty();
        List<String> senders = names("P", topology.producers());
        List<String> receivers = names("D", topology.consumers());
        try {
            if (oneProcess) {
                List<String> all = new ArrayList<>(senders);
                all.addAll(receivers);
                RemoteProcess process = process(from, all);
                senders.forEach(name -> producers.add(new Remote(name, from.ip, process)));
                receivers.forEach(name -> consumers.add(new Remote(name, from.ip, process)));
            } else {
                for (String name : senders) {
                    producers.add(new Remote(name, from.ip, process(from, List.of(name))));
                }
                for (String name : receivers) {
                    consumers.add(new Remote(name, to.ip, process(to, List.of(name))));
                }
            }
        } catch (IOException | RuntimeException cause) {
            close();
            throw cause;
        }
    }

    private static List<String> names(String side, int count) {
        return IntStream.range(0, count).mapToObj(i -> side + i).toList();
    }

    private RemoteProcess process(Side side, List<String> names) throws IOException {
        RemoteProcess process = new RemoteProcess(side.launcher, names, DIRECT_BYTES, broken);
        processes.add(process);
        return process;
    }

    List<Remote> engines() {
        List<Remote> all = new ArrayList<>(producers);
        all.addAll(consumers);
        return all;
    }

    /** A command to each of some engines. */
    interface EachCommand<R> {
        R on(Remote engine, NodeCall.NodeApi node) throws Exception;
    }

    /** Lets an engine begin something. */
    <R> RemoteProcess.Call<R> start(Remote engine, NodeCall.Command<R> command) {
        return engine.process.call(engine.name, command);
    }

    /** Lets an engine do something, and waits for it. */
    <R> R ask(Remote engine, NodeCall.Command<R> command) {
        return await(start(engine, command).reply());
    }

    /** Lets engines do something at the same time, and waits for all. */
    <R> List<R> askAll(List<Remote> engines, EachCommand<R> command) {
        List<RemoteProcess.Call<R>> calls =
                engines.stream()
                        .map(engine -> this.<R>start(engine, node -> command.on(engine, node)))
                        .toList();
        return calls.stream().map(call -> await(call.reply())).toList();
    }

    /** A command to each of some engines that has no reply. */
    interface EachTask {
        void on(Remote engine, NodeCall.NodeApi node) throws Exception;
    }

    /** Like {@link #askAll}, without replies. */
    void tellAll(List<Remote> engines, EachTask task) {
        this.<Object>askAll(
                engines,
                (engine, node) -> {
                    task.on(engine, node);
                    return true;
                });
    }

    /** Lets an engine do something that has no reply, and waits for it. */
    void tell(Remote engine, EachTask task) {
        tellAll(List.of(engine), task);
    }

    /** Waits for something; a failure of any engine ends the wait. */
    <R> R await(CompletableFuture<R> future) {
        try {
            CompletableFuture.anyOf(broken, future).get(LIMIT_SECONDS, TimeUnit.SECONDS);
            return future.get();
        } catch (ExecutionException cause) {
            throw new IllegalStateException(
                    String.valueOf(cause.getCause() == null ? cause : cause.getCause()), cause);
        } catch (TimeoutException cause) {
            throw new IllegalStateException(
                    "no answer within " + LIMIT_SECONDS + " s from " + topology.name(), cause);
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", cause);
        }
    }

    /** Processor time that all processes have used so far. */
    Usage usage() {
        // One engine of each process tells.
        Map<RemoteProcess, Remote> first = new LinkedHashMap<>();
        engines().forEach(engine -> first.putIfAbsent(engine.process, engine));
        return askAll(List.copyOf(first.values()), (engine, node) -> node.usage()).stream()
                .reduce(new Usage(0, 0, 0), Usage::plus);
    }

    /**
     * Compares all clocks with this process's, of which times are differences.
     *
     * @return how well they are known, in words
     * @throws IllegalStateException if a process of this host has another clock
     */
    String compareClocks() {
        offsetsNs.clear();
        long uncertainNs = 0;
        for (Remote engine : engines()) {
            ClockOffset clock = clockOffset(engine);
            uncertainNs = Math.max(uncertainNs, clock.uncertaintyNs);
            if (Math.abs(clock.offsetNs) > clock.uncertaintyNs) {
                if (!elsewhere) {
                    throw new IllegalStateException(
                            "the clock of %s is %d ns away, give or take %d"
                                    .formatted(engine.name, clock.offsetNs, clock.uncertaintyNs));
                }
                offsetsNs.put(engine.process, clock.offsetNs);
            }
        }
        return String.format(
                Locale.ROOT,
                "%s, as far as a round trip of %.0f us can tell",
                offsetsNs.isEmpty() ? "all processes have one clock" : "the hosts' clocks differ",
                2 * uncertainNs / 1e3);
    }

    /** Compares the clocks again if there are several: they drift. */
    void followClocks() {
        if (!offsetsNs.isEmpty()) {
            compareClocks();
        }
    }

    private ClockOffset clockOffset(Remote engine) {
        ClockOffset best = new ClockOffset(0, Long.MAX_VALUE);
        for (int i = 0; i < CLOCK_SAMPLES; i++) {
            long beforeNs = System.nanoTime();
            long thereNs = ask(engine, NodeCall.NodeApi::clock);
            long halfNs = (System.nanoTime() - beforeNs) / 2;
            if (halfNs < best.uncertaintyNs) {
                best = new ClockOffset(thereNs - beforeNs - halfNs, halfNs);
            }
        }
        return best;
    }

    /** A moment of this process's clock, by an engine's. */
    long there(Remote engine, long hereNs) {
        return hereNs + offsetsNs.getOrDefault(engine.process, 0L);
    }

    /** A moment of an engine's clock, by this process's. */
    long here(Remote engine, long thereNs) {
        return thereNs - offsetsNs.getOrDefault(engine.process, 0L);
    }

    /** Lets the engines give back what they have, and ends the processes. */
    @Override
    public void close() {
        try {
            if (!broken.isCompletedExceptionally()) {
                // Senders map what receivers own, so they go first.
                tellAll(producers, (engine, node) -> node.giveBack());
                tellAll(consumers, (engine, node) -> node.giveBack());
            }
        } finally {
            processes.forEach(RemoteProcess::close);
        }
    }
}
