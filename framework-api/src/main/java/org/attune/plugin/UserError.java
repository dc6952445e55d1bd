package org.attune.plugin;

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
}
