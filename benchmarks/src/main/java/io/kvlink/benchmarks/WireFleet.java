// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** The engines of one topology, in processes of their own. Used by one thread. */
final class WireFleet implements AutoCloseable {

    private static final long LIMIT_SECONDS = 120;
    private static final int CLOCK_SAMPLES = 200;
    // No more than a limit: what is used is what memory and buffers ask for.
    private static final long DIRECT_BYTES = 1L << 38;

    /** An engine and its process. */
    record Remote(String name, RemoteProcess process) {}

    /**
     * Distance of two processes' clocks.
     *
     * @param offsetNs how far they seem to be apart
     * @param uncertaintyNs how far this may be wrong
     */
    record ClockOffset(long offsetNs, long uncertaintyNs) {}

    final Topology topology;
    final List<Remote> producers = new ArrayList<>();
    final List<Remote> consumers = new ArrayList<>();
    private final List<RemoteProcess> processes = new ArrayList<>();
    private final CompletableFuture<Object> broken = new CompletableFuture<>();

    /**
     * Starts the processes.
     *
     * @param topology which engines
     * @param oneProcess whether all live in one process
     */
    WireFleet(Topology topology, boolean oneProcess) throws IOException {
        this.topology = topology;
        List<String> names = new ArrayList<>();
        for (int i = 0; i < topology.producers(); i++) {
            names.add("P" + i);
        }
        for (int i = 0; i < topology.consumers(); i++) {
            names.add("D" + i);
        }
        try {
            if (oneProcess) {
                processes.add(new RemoteProcess(names, DIRECT_BYTES, broken));
            } else {
                for (String name : names) {
                    processes.add(new RemoteProcess(List.of(name), DIRECT_BYTES, broken));
                }
            }
        } catch (IOException | RuntimeException cause) {
            close();
            throw cause;
        }
        for (int i = 0; i < names.size(); i++) {
            List<Remote> side = i < topology.producers() ? producers : consumers;
            side.add(new Remote(names.get(i), processes.get(oneProcess ? 0 : i)));
        }
    }

    List<Remote> engines() {
        List<Remote> all = new ArrayList<>(producers);
        all.addAll(consumers);
        return all;
    }

    /** Lets an engine begin something. */
    <R> RemoteProcess.Call<R> start(Remote engine, NodeCommand<R> command) {
        return engine.process.call(engine.name, command);
    }

    /** Lets an engine do something, and waits for it. */
    <R> R ask(Remote engine, NodeCommand<R> command) {
        return await(start(engine, command).reply());
    }

    /** Lets engines do something at the same time, and waits for all. */
    <R> List<R> askAll(List<Remote> engines, Function<Remote, NodeCommand<R>> command) {
        List<RemoteProcess.Call<R>> calls =
                engines.stream().map(engine -> start(engine, command.apply(engine))).toList();
        return calls.stream().map(call -> await(call.reply())).toList();
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

    /** Use of all processes so far. */
    Usage usage() {
        // One engine of each process tells.
        Map<RemoteProcess, Remote> first = new LinkedHashMap<>();
        engines().forEach(engine -> first.putIfAbsent(engine.process, engine));
        return askAll(List.copyOf(first.values()), engine -> new NodeCommands.Use()).stream()
                .reduce(new Usage(0, 0, 0), Usage::plus);
    }

    /** Compares an engine's clock with this process's. */
    ClockOffset clockOffset(Remote engine) {
        ClockOffset best = new ClockOffset(0, Long.MAX_VALUE);
        for (int i = 0; i < CLOCK_SAMPLES; i++) {
            long beforeNs = System.nanoTime();
            long thereNs = ask(engine, new NodeCommands.Clock());
            long halfNs = (System.nanoTime() - beforeNs) / 2;
            if (halfNs < best.uncertaintyNs) {
                best = new ClockOffset(thereNs - beforeNs - halfNs, halfNs);
            }
        }
        return best;
    }

    /** Lets the engines give back what they have, and ends the processes. */
    @Override
    public void close() {
        try {
            if (!broken.isCompletedExceptionally()) {
                // Senders map what receivers own, so they go first.
                askAll(producers, engine -> new NodeCommands.GiveBack());
                askAll(consumers, engine -> new NodeCommands.GiveBack());
            }
        } finally {
            processes.forEach(RemoteProcess::close);
        }
    }
}
