// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/** An instance written by hand: a plain socket server that runs a script for each request. */
final class FakeInstance implements AutoCloseable {

    /** Answer to a request, as a test wants it. */
    interface Script {
        void run(Talk talk) throws Exception;
    }

    /** One request and the connection it came on. */
    record Talk(String requestLine, Map<String, String> headers, String body, Socket socket) {

        String header(String name) {
            return headers.getOrDefault(name.toLowerCase(Locale.ROOT), "");
        }

        void raw(String text) throws IOException {
            OutputStream out = socket.getOutputStream();
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        }

        void answer(int status, String contentType, String body) throws IOException {
            answer(status, "Content-Type: " + contentType, "", body);
        }

        /** Answers with one or two headers. */
        void answer(int status, String header, String more, String body) throws IOException {
            int length = body.getBytes(StandardCharsets.UTF_8).length;
            String second = more.isEmpty() ? "" : more + "\r\n";
            raw(
                    "HTTP/1.1 %d X\r\n%s\r\n%sContent-Length: %d\r\n\r\n%s"
                            .formatted(status, header, second, length, body));
        }

        void head(String contentType) throws IOException {
            raw(
                    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
                            .formatted(contentType));
        }

        void chunk(String text) throws IOException {
            int length = text.getBytes(StandardCharsets.UTF_8).length;
            raw(Integer.toHexString(length) + "\r\n" + text + "\r\n");
        }

        void end() throws IOException {
            raw("0\r\n\r\n");
        }

        /** True if the other side closed the connection within the socket's timeout. */
        boolean sawDisconnect() throws IOException {
            try {
                return socket.getInputStream().read() < 0;
            } catch (SocketException reset) {
                return true;
            }
        }
    }

    private final ServerSocket listening;
    private final ConcurrentLinkedQueue<Socket> sockets = new ConcurrentLinkedQueue<>();
    private final BlockingQueue<Talk> talks = new ArrayBlockingQueue<>(1024);
    private final BlockingQueue<Throwable> failures = new ArrayBlockingQueue<>(1024);
    private volatile Script script;

    FakeInstance(Script script) throws IOException {
        this.script = script;
        this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        spawn(this::accept);
    }

    static FakeInstance answering(String body) throws IOException {
        return new FakeInstance(talk -> talk.answer(200, "application/json", body));
    }

    /** An address where nobody listens. */
    static String refusing() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return "127.0.0.1:" + socket.getLocalPort();
        }
    }

    /** Takes another script from the next request on. */
    void become(Script other) {
        script = other;
    }

    String address() {
        return "127.0.0.1:" + listening.getLocalPort();
    }

    /** The next request it got. */
    Talk next() throws InterruptedException {
        Talk talk = talks.poll(20, TimeUnit.SECONDS);
        if (talk == null) {
            throw new AssertionError("no request within 20 s; failures=" + failures);
        }
        return talk;
    }

    List<Talk> seen() {
        return List.copyOf(talks);
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket socket = listening.accept();
                sockets.add(socket);
                socket.setSoTimeout(20_000);
                spawn(() -> serve(socket));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            Talk talk = read(socket);
            talks.add(talk);
            script.run(talk);
        } catch (Throwable cause) {
            failures.add(cause);
        }
    }

    private static Talk read(Socket socket) throws IOException {
        InputStream in = new BufferedInputStream(socket.getInputStream());
        String requestLine = line(in);
        Map<String, String> headers = new HashMap<>();
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).trim());
        }
        int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
        byte[] body = in.readNBytes(length);
        return new Talk(requestLine, headers, new String(body, StandardCharsets.UTF_8), socket);
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                throw new IOException("the connection ended within the head");
            }
            if (b != '\r') {
                line.write(b);
            }
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    private static void spawn(Runnable task) {
        Thread thread = new Thread(task, "fake-instance");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        try {
            listening.close();
            for (Socket socket : sockets) {
                socket.close();
            }
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
