package org.attune.models.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a hub says of a file's content: the SHA-256 of a large one, the id of a git blob of others, which is the SHA-1 of
 * {@code "blob SIZE\0"} and the content. It is the file's name among the cache's blobs too.
 *
 * @param hex lower case; 64 digits for SHA-256, 40 for a git blob
 */
record Checksum(String hex) {
    private static final Pattern ETAG = Pattern.compile("(?:W/)?\"?([0-9a-f]{40}|[0-9a-f]{64})\"?");
    private static final int GIT_DIGITS = 40;
    private static final int CHUNK_BYTES = 1 << 16;

    /** From the header {@code X-Linked-Etag} or {@code ETag}; empty where that is no checksum. */
    static Optional<Checksum> of(String etag) {
        Matcher form = ETAG.matcher(etag);
        return form.matches() ? Optional.of(new Checksum(form.group(1))) : Optional.empty();
    }

    /** The checksum of the same kind of a file. */
    Checksum measure(Path file) throws IOException {
        boolean git = hex.length() == GIT_DIGITS;
        MessageDigest digest = digest(git ? "SHA-1" : "SHA-256");
        if (git) {
            digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        byte[] chunk = new byte[CHUNK_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
                digest.update(chunk, 0, n);
            }
        }
        return new Checksum(HexFormat.of().formatHex(digest.digest()));
    }

    private static MessageDigest digest(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has " + algorithm, e);
        }
    }
}
