// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.kvlink.proxy.config.ConfigFile;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * The proxy as a program. Ends with 0 on SIGTERM or SIGINT, 1 if it can't start, 2 on bad usage.
 */
@Command(
        name = "kvlink-proxy",
        mixinStandardHelpOptions = true,
        description = "Sends each request to a prefill and a decode instance.")
public final class ProxyMain implements Callable<Integer> {

    @Option(names = "--config", description = "JSON file with settings; options override it")
    private @Nullable Path config;

    @Option(names = "--host", description = "address to listen on (default: 127.0.0.1)")
    private @Nullable String host;

    @Option(names = "--port", description = "port for clients, 0 for any (default: 10001)")
    private @Nullable Integer port;

    @Option(
            names = "--discovery-port",
            description = "port for heartbeats, 0 for any (default: 30001)")
    private @Nullable Integer discoveryPort;

    @Option(
            names = "--stop-with-stdin",
            description = "end when standard input ends: with the process that started this one")
    private boolean stopWithStdin;

    @Spec private @Nullable CommandSpec spec;

    /** Called by picocli. */
    public ProxyMain() {}

    /**
     * Runs until the process is told to end.
     *
     * @param args see {@code --help}
     */
    public static void main(String[] args) {
        System.exit(new CommandLine(new ProxyMain()).execute(args));
    }

    @Override
    public Integer call() throws InterruptedException {
        ProxyServer server;
        try {
            server = ProxyServer.start(Settings.of("proxy", settings()));
        } catch (KvConnectorException cause) {
            command().getErr().println(cause.getMessage());
            return 1;
        }
        // A JVM that a signal ends reports 128 + signal, unless the hook halts it first.
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(
                                () -> {
                                    server.close();
                                    Runtime.getRuntime().halt(0);
                                },
                                "kv-proxy-stop"));
        command()
                .getOut()
                .println(
                        "kvlink-proxy ready http=%s discovery=tcp://%s"
                                .formatted(server.http(), server.discovery()));
        if (stopWithStdin) {
            awaitEnd(System.in);
            server.close();
        } else {
            new CountDownLatch(1).await();
        }
        return 0;
    }

    private static void awaitEnd(InputStream in) {
        try {
            in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException cause) {
            // The other end is gone, which is what we waited for.
        }
    }

    private Map<String, Object> settings() {
        Map<String, Object> settings =
                config == null ? new LinkedHashMap<>() : ConfigFile.read(config);
        override(settings, "host", host);
        override(settings, "port", port);
        override(settings, "discovery_port", discoveryPort);
        return settings;
    }

    private static void override(Map<String, Object> settings, String key, @Nullable Object value) {
        if (value != null) {
            settings.put(key, value);
        }
    }

    private CommandLine command() {
        CommandSpec present = spec;
        if (present == null) {
            throw new IllegalStateException("picocli hasn't set the command's description");
        }
        return present.commandLine();
    }
}
