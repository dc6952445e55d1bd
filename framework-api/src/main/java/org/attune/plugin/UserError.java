package org.attune.plugin;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * A mistake that the user can mend: a wrong value, a missing file, an unknown name. Its message is the one line that
 * the user reads, so it says what was found, where, what was expected and how to mend it. The command line prints it
 * without a stack trace and ends with exit code 2. Everything else that is thrown counts as a fault of the program.
 */
public class UserError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param message one line, for example {@code "data.jsonl:17: expected a JSON object, found '['"} */
    public UserError(String message) {
        super(message);
    }

    /** @param cause kept for the log; the user sees only the message */
    public UserError(String message, Throwable cause) {
        super(message, cause);
    }

    /**
     * What went wrong with a file, as {@code PATH: cannot VERB: REASON}.
     *
     * @param verb what was tried, for example {@code write}
     */
    public static UserError cannot(String verb, Path path, IOException cause) {
        return new UserError(path + ": cannot " + verb + ": " + reason(cause), cause);
    }

    private static String reason(IOException e) {
        if (e instanceof NoSuchFileException) {
            return "no such file or folder";
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (e instanceof FileAlreadyExistsException) {
            return "a file of this name is in the way";
        }
        // The message of a FileSystemException repeats the path.
        String reason = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
        return reason != null ? reason : e.getClass().getSimpleName();
    }
}
