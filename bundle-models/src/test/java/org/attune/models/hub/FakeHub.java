package org.attune.models.hub;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import org.attune.model.DownloadListener;

/**
 * A model hub of one model, with its storage on another address: lists of files, checksums in headers, redirections and ranges as
 * the real one gives them, and troubles to order.
 */
final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    /** A file from this size on lies in the storage, with a SHA-256. */
    static final int LARGE = 1000;

    /** What happens to a request for content. */
    interface Trouble {
        /** @return whether it has answered the request itself */
        boolean on(HttpExchange exchange, byte[] content, int from) throws IOException;
    }

    final Map<String, byte[]> files = new LinkedHashMap<>();
    /** Checksums that the hub claims in place of the right ones. */
    final Map<String, String> claims = new LinkedHashMap<>();
    /** As {@code METHOD /path range token}, the storage's beginning with {@code storage}. */
    final List<String> requests = new CopyOnWriteArrayList<>();
    /** For the next requests of large content, in order. */
    final Deque<Trouble> troubles = new ArrayDeque<>();
    /** Status and X-Error-Code for the next requests to the hub itself, in order. */
    final Deque<Map.Entry<Integer, String>> refusals = new ArrayDeque<>();

    /** Has to be told of downloads that are cut. */
    final DownloadListener keeper = new DownloadListener() {
        @Override
        public synchronized boolean downloading(String what, long done, long total) {
            kept = done;
            notifyAll();
            return true;
        }
    };

    private long kept;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpServer hub = server(this::hub);
    private final HttpServer storage = server(this::storage);

    private interface Handler {
        void handle(HttpExchange exchange) throws IOException;
    }

    private HttpServer server(Handler handler) {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(threads);
            server.createContext("/", exchange -> {
                try (exchange) {
                    handler.handle(exchange);
                }
            });
            server.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String endpoint() {
        return address(hub);
    }

    private static String address(HttpServer server) {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    List<String> contentRequests() {
        return requests.stream()
                .filter(r -> r.contains("GET") && !r.contains("/api/"))
                .toList();
    }

    private synchronized void hub(HttpExchange exchange) throws IOException {
        note("", exchange);
        Map.Entry<Integer, String> refusal = refusals.poll();
        if (refusal != null) {
            exchange.getResponseHeaders().add("X-Error-Code", refusal.getValue());
            exchange.sendResponseHeaders(refusal.getKey(), -1);
            return;
        }
        String path = exchange.getRequestURI().getPath();
        if (path.startsWith("/api/models/org/name/revision/")) {
            String siblings = files.keySet().stream()
                    .map(name -> "{\"rfilename\": \"" + name + "\"}")
                    .collect(Collectors.joining(", "));
            byte[] json = ("{\"sha\": \"" + COMMIT + "\", \"siblings\": [" + siblings + "]}")
                    .getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, json.length);
            exchange.getResponseBody().write(json);
            return;
        }
        String prefix = "/org/name/resolve/" + COMMIT + "/";
        String moved = "/moved/";
        String name = path.startsWith(prefix)
                ? path.substring(prefix.length())
                : path.startsWith(moved) ? path.substring(moved.length()) : "";
        byte[] content = files.get(name);
        if (content == null) {
            exchange.getResponseHeaders().add("X-Error-Code", "EntryNotFound");
            exchange.sendResponseHeaders(404, -1);
        } else if (content.length >= LARGE) {
            Headers headers = exchange.getResponseHeaders();
            headers.add("X-Linked-Etag", "\"" + claims.getOrDefault(name, checksum(content, 64)) + "\"");
            headers.add("X-Linked-Size", String.valueOf(content.length));
            headers.add("ETag", "\"of-the-redirection\"");
            headers.add("Location", address(storage) + "/" + name + "?signature=1");
            exchange.sendResponseHeaders(302, -1);
        } else if (path.startsWith(prefix)) { // small files move within the hub
            exchange.getResponseHeaders().add("Location", moved + name);
            exchange.sendResponseHeaders(307, -1);
        } else {
            exchange.getResponseHeaders().add("ETag", "W/\"" + claims.getOrDefault(name, checksum(content, 40)) + "\"");
            if (exchange.getRequestMethod().equals("HEAD")) {
                exchange.getResponseHeaders().add("Content-Length", String.valueOf(content.length));
                exchange.sendResponseHeaders(200, -1);
            } else {
                exchange.sendResponseHeaders(200, content.length);
                exchange.getResponseBody().write(content);
            }
        }
    }

    private void storage(HttpExchange exchange) throws IOException {
        note("storage ", exchange);
        byte[] content = files.get(exchange.getRequestURI().getPath().substring(1));
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
        Trouble trouble;
        synchronized (this) {
            trouble = troubles.poll();
        }
        if (trouble == null || !trouble.on(exchange, content, from)) {
            send(exchange, content, from, content.length);
        }
    }

    /** Answers with a part of what it announces. */
    static void send(HttpExchange exchange, byte[] content, int from, int to) throws IOException {
        if (from > 0) {
            exchange.getResponseHeaders()
                    .add("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
        exchange.getResponseBody().write(content, from, to - from);
        exchange.getResponseBody().flush();
    }

    /**
     * The connection is cut after so many bytes of the file, once they are kept: the HTTP library drops what it has received and not
     * yet handed on when a connection ends.
     */
    Trouble cutAt(int byteNumber) {
        return (exchange, content, from) -> {
            int to = Math.max(from, byteNumber);
            send(exchange, content, from, to);
            awaitKept(to);
            return true;
        };
    }

    private void awaitKept(long bytes) throws IOException {
        synchronized (keeper) {
            try {
                while (kept < bytes) {
                    keeper.wait();
                }
            } catch (InterruptedException e) {
                throw new IOException("the test is over", e);
            }
        }
    }

    private void note(String server, HttpExchange exchange) {
        Headers headers = exchange.getRequestHeaders();
        requests.add((server + exchange.getRequestMethod() + " "
                        + exchange.getRequestURI().getPath()
                        + " " + headers.getOrDefault("Range", List.of("")).get(0)
                        + " "
                        + headers.getOrDefault("Authorization", List.of("")).get(0))
                .strip());
    }

    /** By the code under test, which has a test with known values. */
    static String checksum(byte[] content, int digits) {
        try {
            Path file = Files.createTempFile("content", "");
            try {
                Files.write(file, content);
                return new Checksum("0".repeat(digits)).measure(file).hex();
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Bytes that differ at every place. */
    static byte[] bytes(int count, int seed) {
        byte[] bytes = new byte[count];
        new java.util.Random(seed).nextBytes(bytes);
        return Arrays.copyOf(bytes, count);
    }

    @Override
    public void close() {
        hub.stop(0);
        storage.stop(0);
        threads.shutdownNow();
    }
}
