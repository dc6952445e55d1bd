package org.attune.tensor.io;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import org.attune.plugin.UserError;

/** Turns what went wrong with a file into the one line that the user reads. */
final class FileErrors {
    private FileErrors() {}

    /** @param verb what could not be done: read, write */
    static RuntimeException cannot(String verb, Path path, IOException e) {
        if (e instanceof ClosedChannelException) {
            // By us, or by an interrupt of the thread at work: not the user's mistake.
            return new IllegalStateException(path + " was closed", e);
        }
        return UserError.cannot(verb, path, e);
    }

    /** Names come from the file, so they may hold line ends or terminal escapes: a message is one printable line. */
    static UserError invalid(Path path, String message) {
        return new UserError(path + ": " + message.replaceAll("\\p{Cntrl}", "?"));
    }

    /** A tensor's name as it appears in a message. */
    static String quote(String name) {
        return "'" + (name.length() <= 200 ? name : name.substring(0, 200) + "...") + "'";
    }
}
