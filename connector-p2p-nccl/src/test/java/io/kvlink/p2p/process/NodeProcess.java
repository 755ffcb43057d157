// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import io.kvlink.p2p.SendType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A {@link TransferNode} seen from the test that started it. One thread. */
final class NodeProcess implements AutoCloseable {

    /** Configuration of a node's connector. */
    record Setup(SendType mode, String plane, int device, int blocks, Duration timeout) {

        /** Arguments for {@link TransferNode}. */
        String words(KvRole role, int port) {
            return "role=%s plane=%s mode=%s port=%d device=%d blocks=%d buffer=%d timeout=%d"
                    .formatted(
                            role.key(),
                            plane,
                            mode,
                            port,
                            device,
                            blocks,
                            (long) blocks * NodeEngine.BLOCK_BYTES,
                            timeout.toSeconds());
        }
    }

    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final String GONE = "its output has ended";
    private static final AtomicLong NEXT_ID = new AtomicLong(System.nanoTime());
    // Nothing of the virtual machine itself comes and goes, so that what is counted is the node's.
    private static final List<String> JVM =
            List.of(
                    "-Xms320m",
                    "-Xmx320m",
                    "-XX:+AlwaysPreTouch",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-XX:-UseDynamicNumberOfCompilerThreads",
                    "-Dorg.slf4j.simpleLogger.defaultLogLevel=info");

    private final Process process;
    private final Path log;
    private final Writer commands;
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final List<String> unclaimed = new ArrayList<>();
    private String role = "new";
    private HostPort address;

    private NodeProcess(Process process, Path log) {
        this.process = process;
        this.log = log;
        this.commands = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8);
        Thread reader = new Thread(this::read, "node-" + process.pid());
        reader.setDaemon(true);
        reader.start();
    }

    /** Starts a process that has no connector yet. */
    static NodeProcess start() throws IOException {
        return start(Map.of());
    }

    /** Starts a node with something else in its environment. */
    static NodeProcess start(Map<String, String> environment) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(JVM);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.add(TransferNode.class.getName());
        Path log = Files.createTempFile("node-", ".log");
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(log.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        return new NodeProcess(process, log);
    }

    private void read() {
        try (BufferedReader in =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                lines.add(line);
            }
        } catch (IOException cause) {
            lines.add("broken: " + cause);
        } finally {
            lines.add(GONE);
        }
    }

    /**
     * Opens a connector.
     *
     * @param port its port, 0 for a free one
     */
    NodeProcess open(KvRole as, Setup setup, int port) {
        role = as.key();
        send("open " + setup.words(as, port));
        address = HostPort.parse(await("OPEN ", START_LIMIT).substring("OPEN ".length()));
        return this;
    }

    HostPort address() {
        return address;
    }

    long pid() {
        return process.pid();
    }

    boolean alive() {
        return process.isAlive();
    }

    /** Closes the connector; the process stays. */
    void closeConnector() {
        send("close");
        await("CLOSED", START_LIMIT);
    }

    void add(String id, long seed, int tokens, TransferRoute route) {
        send("add %s %d %d %s".formatted(id, seed, tokens, route.requestId()));
    }

    NodeState state() {
        send("state");
        return NodeState.parse(await("STATE ", START_LIMIT));
    }

    void send(String line) {
        try {
            commands.write(line + "\n");
            commands.flush();
        } catch (IOException cause) {
            throw new UncheckedIOException(this + " " + log(), cause);
        }
    }

    /** The next line that begins so; others are kept. */
    String await(String start, Duration limit) {
        for (String line : unclaimed) {
            if (line.startsWith(start)) {
                unclaimed.remove(line);
                return line;
            }
        }
        long deadlineNs = System.nanoTime() + limit.toNanos();
        while (true) {
            String line = next(deadlineNs - System.nanoTime());
            if (line.isEmpty() || line.equals(GONE)) {
                throw new AssertionError(
                        "%s said nothing that begins with '%s' within %s %s; said: %s; log: %s"
                                .formatted(this, start, limit, line, unclaimed, log()));
            }
            if (line.startsWith(start)) {
                return line;
            }
            unclaimed.add(line);
        }
    }

    private String next(long waitNs) {
        try {
            String line = lines.poll(waitNs, TimeUnit.NANOSECONDS);
            return line == null ? "" : line;
        } catch (InterruptedException cause) {
            throw new IllegalStateException(cause);
        }
    }

    /** Kills the process as {@code kill -9} does, and waits until it is gone. */
    void kill() {
        process.destroyForcibly();
        join();
    }

    /** Stops the process where it is, as {@code kill -STOP} does. */
    void stop() {
        signal("STOP");
    }

    /** Lets the process go on, if it was stopped. */
    void resume() {
        signal("CONT");
    }

    private void signal(String name) {
        try {
            String command = "kill -%s %d".formatted(name, process.pid());
            Process signal = new ProcessBuilder("sh", "-c", command).start();
            if (!signal.waitFor(START_LIMIT.toSeconds(), TimeUnit.SECONDS)
                    || signal.exitValue() != 0) {
                throw new AssertionError(command);
            }
        } catch (IOException | InterruptedException cause) {
            throw new IllegalStateException(cause);
        }
    }

    /** A new transfer between two nodes. */
    static TransferRoute route(NodeProcess producer, NodeProcess consumer) {
        long id = NEXT_ID.getAndIncrement();
        return new TransferRoute(producer.address, consumer.address, new TransferId(id, id, 0));
    }

    private void join() {
        try {
            if (!process.waitFor(START_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError(this + " doesn't end; log: " + log());
            }
        } catch (InterruptedException cause) {
            throw new IllegalStateException(cause);
        }
    }

    String log() {
        try {
            String all = Files.readString(log);
            return all.substring(Math.max(0, all.length() - 6000));
        } catch (IOException cause) {
            return cause.toString();
        }
    }

    /** Ends the process, at its own pace if it still answers. */
    @Override
    public void close() {
        try {
            commands.close(); // The node ends with its input.
            join();
        } catch (IOException | AssertionError cause) {
            kill();
        } finally {
            log.toFile().delete();
        }
    }

    @Override
    public String toString() {
        return "%s pid=%d address=%s".formatted(role, process.pid(), address);
    }
}
