package org.attune.kernel.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.attune.plugin.UserError;

/**
 * A journal of JSON objects, one a line: {@code metrics.jsonl}. A line is with the operating system when {@link #append}
 * returns, so that it survives the process, and on the disk after {@link #sync}. The file always ends on a full line, except
 * after a crash, which {@link #resume} mends. Not thread-safe.
 */
public final class JsonLines implements AutoCloseable {
    /** The field by which lines are cut off when a run is resumed: optimiser steps done. */
    public static final String STEP = "step";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final ObjectReader LINE =
            JSON.reader().with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).forType(JsonNode.class);

    private final Path file;
    private final FileChannel channel;
    /** Where the last full line ends. */
    private long end;

    /** For tests of a disk that is full; {@code channel} is empty. */
    JsonLines(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /** Starts an empty journal in place of what is there. @throws UserError if it cannot be written */
    public static JsonLines create(Path file) {
        return open(file, 0);
    }

    /**
     * Goes on with a journal as it was when {@code step} steps were done. Lines of later steps are cut off, because the resumed
     * run writes them again, and with them a line that a crash has torn. Everything up to the last {@link #sync} is older than
     * the checkpoint that follows it, so a line that is not an object lies behind it, and nothing is kept from there on.
     *
     * @throws UserError if the file cannot be read or written
     */
    public static JsonLines resume(Path file, long step) {
        return resume(file, step, Long.MAX_VALUE);
    }

    /**
     * See {@link #resume(Path, long)}.
     *
     * @param length what {@link #length} was when the state that is resumed was saved: lines of the same step that came later are
     *     cut off too
     */
    public static JsonLines resume(Path file, long step, long length) {
        try {
            byte[] bytes = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
            return open(file, keep(Arrays.copyOf(bytes, (int) Math.min(length, bytes.length)), step));
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
    }

    private static JsonLines open(Path file, long end) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            JsonLines lines = new JsonLines(file, channel);
            lines.end = end;
            lines.cut();
            return lines;
        } catch (IOException e) {
            throw UserError.cannot("write", file, e);
        }
    }

    /** The length of the lines to keep. */
    private static int keep(byte[] bytes, long step) {
        int begin = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                if (!belongs(Arrays.copyOfRange(bytes, begin, i), step)) {
                    return begin;
                }
                begin = i + 1;
            }
        }
        return begin;
    }

    private static boolean belongs(byte[] line, long step) {
        try {
            JsonNode node = LINE.readValue(line);
            return node.isObject() && node.path(STEP).asLong(0) <= step;
        } catch (JsonProcessingException e) {
            return false; // torn: see resume
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Adds a line.
     *
     * @throws UserError if it cannot be written, for example on a full disk; the lines before it stay
     */
    public void append(ObjectNode line) {
        byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
        try {
            DurableFiles.writeFully(channel, ByteBuffer.wrap(bytes));
            end += bytes.length;
        } catch (IOException e) {
            UserError failure = UserError.cannot("write", file, e);
            try {
                cut();
            } catch (IOException also) {
                failure.addSuppressed(also);
            }
            throw failure;
        }
    }

    /** The bytes of all lines so far. */
    public long length() {
        return end;
    }

    /** Puts all lines on the disk; belongs before each checkpoint. @throws UserError if that fails */
    public void sync() {
        try {
            channel.force(true);
        } catch (IOException e) {
            throw UserError.cannot("write", file, e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw UserError.cannot("close", file, e);
        }
    }

    private void cut() throws IOException {
        channel.truncate(end);
        channel.position(end);
    }
}
