// SPDX-License-Identifier: Apache-2.0
package io.kvlink.distribution;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The unpacked archive, and what a DJL Serving 0.36 has on its class path beside it. */
final class Installation {

    private static final List<String> SERVER =
            List.of("kvlink-serving-api", "serving-api" + File.separator);

    /** Libraries that aren't the server's, but run its stand-in without a network. */
    private static final List<String> STAND_IN =
            List.of(
                    "kvlink-embedded-host",
                    "embedded-host" + File.separator,
                    "kvlink-http-port",
                    "http-port" + File.separator,
                    "picocli",
                    "slf4j-simple",
                    "pytorch-jni",
                    "pytorch-native-cpu");

    private final Path home;

    private Installation(Path home) {
        this.home = home;
    }

    /** Unpacks the archive as a user does. */
    static Installation unpack(Path into) throws Exception {
        Process tar =
                new ProcessBuilder("tar", "xzf", System.getProperty("kvlink.archive"))
                        .directory(into.toFile())
                        .inheritIO()
                        .start();
        if (tar.waitFor() != 0) {
            throw new IOException("tar ended with " + tar.exitValue());
        }
        try (Stream<Path> entries = Files.list(into)) {
            return new Installation(entries.toList().get(0));
        }
    }

    Path file(String name) {
        return home.resolve(name);
    }

    List<Path> jars(String folder) throws IOException {
        try (Stream<Path> files = Files.list(file(folder))) {
            return files.filter(file -> file.toString().endsWith(".jar")).sorted().toList();
        }
    }

    /** Libraries of the server that plugins see, one of another version than ours included. */
    static List<Path> serverLibraries() throws IOException {
        List<Path> libraries = new ArrayList<>();
        libraries.add(Path.of(System.getProperty("kvlink.server.javacpp")));
        String resolved = Files.readString(Path.of(System.getProperty("kvlink.server.classpath")));
        for (String entry : resolved.trim().split(File.pathSeparator, 0)) {
            libraries.add(Path.of(entry));
        }
        libraries.addAll(ofClassPath(SERVER));
        return libraries;
    }

    /** Starts the server's stand-in with the archive's plugins. */
    Child host(Path log, List<String> arguments) throws Exception {
        return host(file("plugins"), log, arguments);
    }

    /** Starts a host with the plugins of a folder. */
    static Child host(Path plugins, Path log, List<String> arguments) throws Exception {
        List<Path> classPath = new ArrayList<>(serverLibraries());
        classPath.addAll(ofClassPath(STAND_IN));
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of(
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Dai.djl.pytorch.num_threads=1",
                        "-cp",
                        join(classPath),
                        "io.kvlink.host.HostMain",
                        "--plugin-folder",
                        plugins.toString()));
        command.addAll(arguments);
        return Child.start(command, log);
    }

    static String join(List<Path> paths) {
        return String.join(File.pathSeparator, paths.stream().map(Path::toString).toList());
    }

    private static List<Path> ofClassPath(List<String> names) {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, 0))
                .filter(entry -> names.stream().anyMatch(entry::contains))
                .map(Path::of)
                .toList();
    }
}
