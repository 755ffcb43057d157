// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A process of the wire tool: engines, each with a thread, that do what lines on standard input
 * say. It ends with the input, and so with its parent.
 *
 * <pre>
 * ENGINE COMMAND JSON     in: the command's name and its arguments
 * {@literal @}ENGINE begun          out: a command that takes long is under way
 * {@literal @}ENGINE done JSON      out: it has ended; the values that come back
 * {@literal @}ENGINE failed TEXT    out: it has ended otherwise
 * </pre>
 */
public final class WireNode {

    private record Engine(Node node, ExecutorService executor) {}

    private final PrintStream replies;
    private final Map<String, Engine> engines = new HashMap<>();

    private WireNode(PrintStream replies) {
        this.replies = replies;
    }

    /**
     * Runs until the input ends.
     *
     * @param names of the engines
     */
    public static void main(String[] names) throws IOException {
        System.getProperties().putIfAbsent("org.slf4j.simpleLogger.defaultLogLevel", "warn");
        PrintStream replies = System.out;
        System.setOut(System.err); // What others print isn't for the coordinator.
        WireNode node = new WireNode(replies);
        List.of(names).forEach(node::add);
        BufferedReader commands =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = commands.readLine()) != null; ) {
            String[] parts = line.split(" ", 3);
            Engine engine = node.engines.get(parts[0]);
            if (parts.length < 3 || engine == null) {
                throw new IOException("line=" + line);
            }
            engine.executor.execute(() -> node.execute(parts[0], parts[1], parts[2]));
        }
        // Whatever an engine waits for isn't going to come.
        Runtime.getRuntime().halt(0);
    }

    private void add(String name) {
        ExecutorService executor =
                Executors.newSingleThreadExecutor(
                        work -> new Thread(work, Usage.ENGINE_THREAD + name));
        engines.put(name, new Engine(new Node(() -> reply(name, "begun")), executor));
    }

    private void execute(String name, String command, String json) {
        try {
            Engine engine = engines.get(name);
            if (engine == null) {
                throw new IllegalStateException("engine=" + name);
            }
            Node node = engine.node;
            reply(name, "done " + NodeCall.read(command, json).run(node, node.floors()));
        } catch (Exception | LinkageError | AssertionError cause) {
            cause.printStackTrace();
            reply(name, "failed " + cause.toString().replaceAll("\\s+", " "));
        }
    }

    private void reply(String name, String text) {
        synchronized (replies) {
            replies.println("@" + name + " " + text);
            replies.flush();
        }
    }
}
