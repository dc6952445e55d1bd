package org.attune.sources;

import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.attune.plugin.UserError;

/**
 * A file of UTF-8 text.
 *
 * @param name as the user wrote it: what messages and the examples' ids say
 */
record TextFile(Path path, String name) {
    private static final char BYTE_ORDER_MARK = '\uFEFF';

    /** What is done with the text. */
    interface Use<T> {
        T of(BufferedReader reader) throws IOException;
    }

    /** @throws UserError if the file is missing, unreadable or not UTF-8 */
    <T> T read(Use<T> use) {
        if (Files.isDirectory(path)) {
            throw new UserError(name + ": is a folder; a file is needed");
        }
        try (BufferedReader reader = Files.newBufferedReader(path)) {
            reader.mark(1);
            if (reader.read() != BYTE_ORDER_MARK) {
                reader.reset();
            }
            return use.of(reader);
        } catch (CharacterCodingException e) {
            throw at(firstLineNotUtf8(), "not UTF-8; save the file in this encoding", e);
        } catch (IOException e) {
            throw UserError.cannot("read", path, e);
        }
    }

    String id(long line) {
        return name + ":" + line;
    }

    UserError at(long line, String message, Exception cause) {
        // Parts of the message come from the file and may hold line ends or terminal escapes.
        return new UserError(id(line) + ": " + message.replaceAll("\\p{Cntrl}+", " "), cause);
    }

    UserError at(long line, String message) {
        return at(line, message, null);
    }

    /** A reader decodes ahead of what it has given out, so the place is looked for when it is needed. */
    private long firstLineNotUtf8() {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(path))) {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            long number = 1;
            for (int b = in.read(); b >= 0; b = in.read()) {
                line.write(b);
                if (b == '\n') {
                    if (!isUtf8(line.toByteArray())) {
                        return number;
                    }
                    number++;
                    line.reset();
                }
            }
            return number;
        } catch (IOException e) {
            throw UserError.cannot("read", path, e);
        }
    }

    private static boolean isUtf8(byte[] bytes) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }
}
