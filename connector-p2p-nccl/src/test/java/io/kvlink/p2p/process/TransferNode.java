// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import io.kvlink.spi.KvLedger;
import io.kvlink.spi.TransferRoute;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A process of its own with one connector at a time. It takes commands as lines on its standard
 * input, and answers on its standard output. It ends when its input does.
 *
 * <pre>
 * open role=kv_producer plane=tcp ...   OPEN host:port
 * add ID SEED TOKENS ROUTE              END ID SENT|LOADED plane bytes, END ID FAILED error detail,
 *                                       END ID WRONG where
 * hold LAYER                            HOLDING, when the next save has come to that layer;
 * go, go slow                           it goes on; slow: what its stream does from here on is late
 * state                                 STATE ..., see {@link NodeState}
 * close                                 CLOSED
 * </pre>
 */
final class TransferNode {

    private static final String END = "end";
    private static final int TWO_SECONDS = 40;

    private final BlockingQueue<String> commands = new LinkedBlockingQueue<>();
    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private NodeEngine engine;
    private int holdBefore = -1;

    private TransferNode() {}

    public static void main(String[] arguments) throws InterruptedException {
        TransferNode node = new TransferNode();
        Thread reader = new Thread(node::read, "commands");
        reader.setDaemon(true);
        reader.start();
        node.run();
    }

    private void read() {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                commands.add(line);
            }
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        } finally {
            commands.add(END);
        }
    }

    private void run() throws InterruptedException {
        while (true) {
            boolean busy = engine != null && engine.busy();
            String command = busy ? commands.poll(1, TimeUnit.MILLISECONDS) : commands.take();
            if (command == null) {
                engine.step();
            } else if (command.equals(END)) {
                close();
                return;
            } else {
                obey(command.split(" ", -1));
            }
        }
    }

    private void obey(String[] words) {
        switch (words[0]) {
            case "open" -> {
                engine = new NodeEngine(settings(words), out::println, this::beforeSave);
                out.println("OPEN " + engine.address());
            }
            case "add" ->
                    engine.add(
                            words[1],
                            Long.parseLong(words[2]),
                            Integer.parseInt(words[3]),
                            TransferRoute.find(words[4], 0).orElseThrow());
            case "hold" -> holdBefore = Integer.parseInt(words[1]);
            case "state" -> out.println(state().line());
            case "close" -> {
                close();
                out.println("CLOSED");
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private NodeState state() {
        return NodeState.ofThisProcess(
                engine == null ? KvLedger.builder().build() : engine.ledger(),
                engine == null ? 0 : engine.deviceFree());
    }

    private void beforeSave(int layer) {
        if (layer != holdBefore) {
            return;
        }
        holdBefore = -1;
        out.println("HOLDING");
        try {
            String next = commands.take();
            switch (next) {
                case "go" -> {}
                case "go slow" -> engine.delay(TWO_SECONDS);
                default -> throw new IllegalStateException("holding, and told: " + next);
            }
        } catch (InterruptedException cause) {
            throw new IllegalStateException(cause);
        }
    }

    /** Takes {@code key=value} apart; what has no value is no setting. */
    static Map<String, String> settings(String... words) {
        Map<String, String> settings = new LinkedHashMap<>();
        for (String word : words) {
            int equals = word.indexOf('=');
            if (equals > 0) {
                settings.put(word.substring(0, equals), word.substring(equals + 1));
            }
        }
        return settings;
    }

    private void close() {
        if (engine != null) {
            engine.close();
            engine = null;
        }
    }
}
