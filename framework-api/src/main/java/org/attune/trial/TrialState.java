package org.attune.trial;

/** Where a trial stands. */
public enum TrialState {
    /** Reading data and model. */
    PREPARING,
    RUNNING,
    /** Paused by a command; its state is in memory. */
    PAUSED,
    /** Waits for a plug-in that went away. */
    WAITING,
    /** Checkpointed and ended before its last step; it can be resumed. */
    SUSPENDED,
    COMPLETED,
    FAILED;

    /** Whether nothing more will happen. */
    public boolean ended() {
        return this == SUSPENDED || this == COMPLETED || this == FAILED;
    }
}
