// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import io.kvlink.http.CorsSettings;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs an {@link EmbeddedHost} until SIGTERM or SIGINT. */
@Command(
        name = "kvlink-host",
        mixinStandardHelpOptions = true,
        description = "Serves one model over HTTP, with the plugins on its class path.")
public final class HostMain implements Callable<Integer> {

    private static final Logger logger = LoggerFactory.getLogger(HostMain.class);
    private static final int CANNOT_START = 2;
    private static final String TOKENIZERS_FLAVOR = "RUST_FLAVOR";

    @Option(
            names = "--model-dir",
            required = true,
            description = "holds serving.properties, the model's files, or both")
    private Path modelDir = Path.of("");

    @Option(names = "--host", defaultValue = "127.0.0.1", description = "address to bind")
    private String host = "";

    @Option(names = "--port", defaultValue = "8080", description = "0 takes any free one")
    private int port;

    @Option(names = "--plugin-folder", description = "searched for jars, as DJL Serving does")
    private @Nullable Path pluginFolder;

    @Option(
            names = "-O",
            paramLabel = "KEY=VALUE",
            description = "overrides option.KEY of serving.properties")
    private Map<String, String> options = new LinkedHashMap<>();

    @Option(
            names = "--cors-allowed-origins",
            defaultValue = "",
            description = "origins whose pages may ask, with commas; * for each (default: none)")
    private String corsOrigins = "";

    @Option(
            names = "--cors-allowed-methods",
            defaultValue = "",
            description = "methods they may use (default: all there are)")
    private String corsMethods = "";

    @Option(
            names = "--cors-allowed-headers",
            defaultValue = "",
            description = "headers they may send (default: all they ask for)")
    private String corsHeaders = "";

    @Option(
            names = "--stop-with-stdin",
            description = "end when standard input ends: with the process that started this one")
    private boolean stopWithStdin;

    @Spec private @Nullable CommandSpec spec;

    private HostMain() {}

    /**
     * Starts the process's one host.
     *
     * @param args see {@code --help}
     */
    public static void main(String[] args) {
        takeTheTokenizersThatAreHere();
        System.exit(
                run(
                        args,
                        new PrintWriter(System.out, true, Charset.defaultCharset()),
                        new PrintWriter(System.err, true, Charset.defaultCharset())));
    }

    /**
     * Keeps DJL's tokenizers from looking for a CUDA build of theirs on the network, where there is
     * a GPU.
     */
    private static void takeTheTokenizersThatAreHere() {
        if (System.getenv(TOKENIZERS_FLAVOR) == null) {
            System.getProperties().putIfAbsent(TOKENIZERS_FLAVOR, "cpu");
        }
    }

    /** Returns the process's exit code, once the host is closed or can't start. */
    static int run(String[] args, PrintWriter out, PrintWriter err) {
        return new CommandLine(new HostMain()).setOut(out).setErr(err).execute(args);
    }

    /** Runs the host for picocli. */
    @Override
    public Integer call() throws InterruptedException {
        PrintWriter out = commandLine().getOut();
        EmbeddedHost started;
        try {
            started =
                    EmbeddedHost.start(
                            new HostConfig(
                                    modelDir,
                                    host,
                                    port,
                                    options,
                                    Optional.ofNullable(pluginFolder),
                                    CorsSettings.of(corsOrigins, corsMethods, corsHeaders)),
                            HostMain.class.getClassLoader());
        } catch (RuntimeException failure) {
            logger.debug("can't start", failure);
            commandLine().getErr().println("error: " + line(failure));
            return CANNOT_START;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(started), "kv-host-stop"));
        out.printf(
                "ready http=%s:%s kv=%s model=%s%n", // Not %d: each locale has digits of its own.
                host, started.port(), started.kvAddress().orElse("-"), started.modelName());
        if (stopWithStdin) {
            awaitEnd(System.in);
            started.close();
        }
        started.awaitClosed();
        return 0;
    }

    /** A signal asks for a clean end, and gets one; the JVM by itself would report 143. */
    private static void stop(EmbeddedHost host) {
        host.close();
        Runtime.getRuntime().halt(0);
    }

    private static void awaitEnd(InputStream in) {
        try {
            in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException cause) {
            // The other end is gone, which is what we waited for.
        }
    }

    private static String line(RuntimeException failure) {
        String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        return message.replaceAll("\\s*\\R\\s*", " ");
    }

    private CommandLine commandLine() {
        if (spec == null) {
            throw new IllegalStateException("not run by picocli");
        }
        return spec.commandLine();
    }
}
