package org.attune.natives.nd4j;

/** ND4J's backend does not run on this machine; the message is one line that says what is missing. */
public final class UnusableBackendException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnusableBackendException(String message, Throwable cause) {
        super(message, cause);
    }
}
