package org.attune.models.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.attune.plugin.UserError;

/**
 * Asks a hub. Redirections are followed here rather than by the HTTP library: the token goes to the hub alone, not to the
 * storage that it sends us to, and never from HTTPS to HTTP.
 */
final class HubClient {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration CONNECT = Duration.ofSeconds(20);
    private static final int MOST_REDIRECTS = 10;
    private static final int LARGEST_ANSWER = 32 << 20;
    private static final int PARTIAL_CONTENT = 206;
    private static final int RANGE_NOT_SATISFIABLE = 416;

    private final HubSettings settings;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT)
            .build();

    HubClient(HubSettings settings) {
        this.settings = settings;
    }

    /**
     * What a revision means now.
     *
     * @param files all paths in the repository
     */
    record Revision(String commit, Set<String> files) {}

    /** A file of a commit, without its content. */
    record Remote(URI address, long size, Checksum checksum) {}

    /**
     * @throws UserError if there is no such model or revision, or it may not be read
     * @throws IOException if the hub cannot be reached, or is in trouble
     */
    Revision revision(HubSource source) throws IOException {
        URI address = address("/api/models/" + source.id() + "/revision/" + encoded(source.revision()));
        JsonNode answer;
        try (InputStream body = accepted(source, "", send("GET", address, OptionalLong.empty(), true))
                .body()) {
            byte[] bytes = body.readNBytes(LARGEST_ANSWER + 1);
            answer = bytes.length > LARGEST_ANSWER ? null : JSON.readTree(bytes);
        }
        String commit = answer == null ? "" : answer.path("sha").asText();
        if (!HubCache.isCommit(commit)) {
            throw new UserError(
                    source + ": " + settings.endpoint() + " answers as no model hub does; look at HF_ENDPOINT");
        }
        Set<String> files = new LinkedHashSet<>();
        answer.path("siblings").forEach(s -> files.add(s.path("rfilename").asText()));
        return new Revision(commit, files);
    }

    /**
     * Size and checksum of a file.
     *
     * @throws UserError also if the hub states none
     */
    Remote file(HubSource source, String commit, String name) throws IOException {
        URI address = address("/" + source.id() + "/resolve/" + commit + "/" + encoded(name));
        HttpResponse<InputStream> response = send("HEAD", address, OptionalLong.empty(), false);
        response.body().close();
        if (!isRedirect(response)) {
            accepted(source, name, response);
        }
        HttpHeaders headers = response.headers();
        String etag = headers.firstValue("X-Linked-Etag")
                .or(() -> headers.firstValue("ETag"))
                .orElse("");
        OptionalLong size = headers.firstValueAsLong("X-Linked-Size");
        if (size.isEmpty() && !isRedirect(response)) {
            size = headers.firstValueAsLong("Content-Length");
        }
        Checksum checksum = Checksum.of(etag)
                .orElseThrow(() -> new UserError(source + ": " + settings.endpoint() + " states no checksum for " + name
                        + " (ETag '" + etag
                        + "'), so what it sends could not be checked; download the model by hand and"
                        + " name its folder"));
        if (size.isEmpty() || size.getAsLong() < 0) {
            throw new UserError(source + ": " + settings.endpoint() + " does not say how long " + name + " is");
        }
        return new Remote(address, size.getAsLong(), checksum);
    }

    /**
     * A part of a file that is being sent.
     *
     * @param from the byte that the body begins with
     */
    record Content(InputStream body, long from) {}

    /**
     * Begins to read a file's content.
     *
     * @param from the first byte that is wanted; the server may begin with the first of all instead
     */
    Content open(HubSource source, Remote remote, String name, long from) throws IOException {
        HttpResponse<InputStream> response =
                send("GET", remote.address(), from == 0 ? OptionalLong.empty() : OptionalLong.of(from), true);
        if (response.statusCode() == RANGE_NOT_SATISFIABLE && from > 0) {
            response.body().close();
            return open(source, remote, name, 0);
        }
        accepted(source, name, response);
        if (response.statusCode() != PARTIAL_CONTENT) {
            return new Content(response.body(), 0);
        }
        String range = response.headers().firstValue("Content-Range").orElse("");
        if (!range.startsWith("bytes " + from + "-")) {
            response.body().close();
            throw new IOException("asked for bytes from " + from + " on, it sends '" + range + "'");
        }
        return new Content(response.body(), from);
    }

    private URI address(String path) {
        return URI.create(settings.endpoint() + path);
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** @param away whether a redirection that leaves the hub is followed too */
    private HttpResponse<InputStream> send(String method, URI first, OptionalLong from, boolean away)
            throws IOException {
        URI address = first;
        for (int hops = 0; hops <= MOST_REDIRECTS; hops++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(address)
                    .method(method, HttpRequest.BodyPublishers.noBody())
                    .timeout(settings.stall())
                    .header("User-Agent", "attune")
                    .header("Accept-Encoding", "identity"); // sizes and ranges are those of the file itself
            from.ifPresent(byteNumber -> request.header("Range", "bytes=" + byteNumber + "-"));
            if (isHub(address)) {
                settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
            }
            HttpResponse<InputStream> response = sent(request.build());
            Optional<String> location = response.headers().firstValue("Location");
            if (!isRedirect(response) || location.isEmpty()) {
                return response;
            }
            URI next = address.resolve(location.get());
            if (!isHub(next) && !away) {
                return response;
            }
            response.body().close();
            if (address.getScheme().equals("https") && !"https".equals(next.getScheme())) {
                throw new IOException("it redirects from HTTPS to " + next.getScheme());
            }
            address = next;
        }
        throw new IOException("it redirects more than " + MOST_REDIRECTS + " times");
    }

    private HttpResponse<InputStream> sent(HttpRequest request) throws IOException {
        try {
            return http.send(request, BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UserError("the download was interrupted", e);
        }
    }

    private boolean isHub(URI address) {
        URI hub = settings.endpoint();
        return hub.getScheme().equalsIgnoreCase(address.getScheme())
                && hub.getHost().equalsIgnoreCase(address.getHost())
                && hub.getPort() == address.getPort();
    }

    private static boolean isRedirect(HttpResponse<?> response) {
        return response.statusCode() / 100 == 3;
    }

    /**
     * The response itself if it has what was asked for.
     *
     * @param file empty for the model as a whole
     * @throws IOException for what may pass: the hub is overloaded or down
     */
    private HttpResponse<InputStream> accepted(HubSource source, String file, HttpResponse<InputStream> response)
            throws IOException {
        int status = response.statusCode();
        if (status / 100 == 2) {
            return response;
        }
        response.body().close();
        String error = response.headers().firstValue("X-Error-Code").orElse("");
        String what = source + (file.isEmpty() ? "" : ": " + file) + ": " + settings.endpoint();
        boolean token = settings.token().isPresent();
        if (error.equals("RevisionNotFound")) {
            throw new UserError(what + " has no revision '" + source.revision() + "' of this model");
        }
        if (error.equals("GatedRepo") || status == 403) {
            throw new UserError(what + " gives this model only to those who were granted it (HTTP " + status
                    + "); accept its terms on its page there, and set HF_TOKEN to "
                    + (token ? "a token that may read it" : "your token"));
        }
        if (status == 401 || status == 404) {
            throw new UserError(what + " has no such " + (file.isEmpty() ? "model" : "file") + " (HTTP " + status
                    + "); check the name"
                    + (token ? "" : ", and if the model is private, set HF_TOKEN to a token that may read it"));
        }
        if (status == 429 || status / 100 == 5) {
            throw new IOException("it answers HTTP " + status);
        }
        throw new UserError(what + " answers HTTP " + status + ", expected the model; look at HF_ENDPOINT");
    }
}
