// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.wire.node.NodeCall;
import io.kvlink.benchmarks.wire.node.WireNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** A {@link WireNode} as its parent sees it. Thread-safe. */
final class RemoteProcess implements AutoCloseable {

    private static final long EXIT_SECONDS = 10;

    /**
     * A command under way.
     *
     * @param begun when the engine says so
     * @param reply what comes back; fails if the command or the process does
     */
    record Call<R>(CompletableFuture<Boolean> begun, CompletableFuture<R> reply) {}

    private record Pending(Call<Object> call, NodeCall command) {}

    private final String name;
    private final Process process;
    private final PrintStream commands;
    private final CompletableFuture<Object> broken;
    // By engine: each does one thing at a time.
    private final Map<String, Pending> pending = new ConcurrentHashMap<>();

    /**
     * Starts a JVM like this one.
     *
     * @param launcher words before the command, such as {@code ssh host}; none for this host
     * @param engines names of its engines
     * @param directBytes limit of its direct memory
     * @param broken fails when a command does, or when the process ends
     */
    RemoteProcess(
            List<String> launcher,
            List<String> engines,
            long directBytes,
            CompletableFuture<Object> broken)
            throws IOException {
        this.broken = broken;
        name = String.join("+", engines);
        List<String> line = new ArrayList<>(launcher);
        line.add(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        line.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        line.add("-XX:MaxDirectMemorySize=" + directBytes);
        line.add("-Dorg.bytedeco.javacpp.maxPhysicalBytes=0"); // It would count pinned memory.
        line.add("-cp");
        line.add(System.getProperty("java.class.path"));
        line.add(WireNode.class.getName());
        line.addAll(engines);
        process = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        commands = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        Thread reader = new Thread(this::read, "replies-" + name);
        reader.setDaemon(true);
        reader.start();
    }

    /** Lets an engine do something. */
    <R> Call<R> call(String engine, NodeCall.Command<R> command) {
        NodeCall taken = NodeCall.of(command);
        Call<Object> call = new Call<>(new CompletableFuture<>(), new CompletableFuture<>());
        if (pending.putIfAbsent(engine, new Pending(call, taken)) != null) {
            throw new IllegalStateException(engine + " is busy");
        }
        synchronized (commands) {
            commands.println(engine + " " + taken.method().getName() + " " + taken.json());
        }
        if (commands.checkError() || !process.isAlive()) {
            fail("doesn't take commands");
        }
        @SuppressWarnings("unchecked") // What is read is of the command's reply type.
        Call<R> typed = (Call<R>) (Call<?>) call;
        return typed;
    }

    private void read() {
        try (BufferedReader replies = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line; (line = replies.readLine()) != null; ) {
                String[] parts = line.split(" ", 3);
                if (line.startsWith("@") && parts.length > 1) {
                    onReply(parts[0].substring(1), parts[1], parts.length > 2 ? parts[2] : "");
                } else {
                    System.err.println(name + ": " + line);
                }
            }
            fail("ended");
        } catch (IOException | RuntimeException cause) {
            fail(cause.toString());
        }
    }

    private void onReply(String engine, String kind, String text) {
        Pending ended = kind.equals("begun") ? pending.get(engine) : pending.remove(engine);
        if (ended == null) {
            throw new IllegalStateException("nobody has asked: " + engine + " " + kind);
        }
        Call<Object> call = ended.call;
        switch (kind) {
            case "begun" -> call.begun.complete(true);
            case "done" -> {
                Object value = ended.command.reply(text);
                call.begun.complete(true);
                call.reply.complete(value);
            }
            default -> fail(call, engine + ": " + text);
        }
    }

    private void fail(String why) {
        broken.completeExceptionally(new IllegalStateException("process of " + name + " " + why));
        for (String engine : List.copyOf(pending.keySet())) {
            Pending ended = pending.remove(engine);
            if (ended != null) {
                fail(ended.call, "process of " + name + " " + why);
            }
        }
    }

    private void fail(Call<?> call, String why) {
        IllegalStateException failure = new IllegalStateException(why);
        broken.completeExceptionally(failure);
        call.begun.completeExceptionally(failure);
        call.reply.completeExceptionally(failure);
    }

    /** Ends the process: it stops by itself, or is killed. */
    @Override
    public void close() {
        commands.close();
        try {
            if (!process.waitFor(EXIT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException cause) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
