package org.attune.kernel.trial;

/** Ends a trial before its last step, to be resumed later. */
final class Suspension extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Suspension(String reason) {
        super(reason, null, false, false);
    }
}
