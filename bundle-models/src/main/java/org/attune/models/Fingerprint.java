package org.attune.models;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.attune.plugin.UserError;

/** Identifies content by its SHA-256, taken over everything added, in order. */
public final class Fingerprint {
    private static final int CHUNK_BYTES = 1 << 16;

    private final MessageDigest digest;

    public Fingerprint() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    public Fingerprint add(byte[] content) {
        digest.update(content);
        return this;
    }

    /** @throws UserError if the file cannot be read */
    public Fingerprint add(Path file) {
        byte[] chunk = new byte[CHUNK_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
                digest.update(chunk, 0, n);
            }
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
        return this;
    }

    /** The same bytes, added as they are read. */
    public InputStream through(InputStream in) {
        return new DigestInputStream(in, digest);
    }

    /** {@code sha256:} and 64 hexadecimal digits; the fingerprint is finished with it. */
    public String text() {
        return "sha256:" + HexFormat.of().formatHex(digest.digest());
    }
}
