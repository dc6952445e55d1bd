package org.attune.trial;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/** One run of a spec. Thread-safe. */
@ProviderType
public interface Trial {
    /** Short and unique in this process: what commands take. */
    String id();

    /** The spec's name. */
    String name();

    /** The run folder. */
    Path folder();

    TrialState state();

    /** Why the trial is in this state; empty where there is nothing to say. */
    String message();

    Progress progress();

    /** The names of its adapters in the spec's order, and whether each acts. */
    Map<String, Boolean> adapters();

    /** What ended a failed trial. */
    Optional<Throwable> failure();

    /** The report, once completed. */
    Optional<TrialReport> report();

    /** What it keeps of frozen layers; nothing where they are computed each time. */
    CacheStats cache();

    /** Holds the trial after the step in progress. */
    void pause();

    /** Goes on after {@link #pause}. */
    void unpause();

    /** Checkpoints after the step in progress and ends as suspended. */
    void stop();

    /** Waits until the trial has ended, or the time is over; gives the state. */
    TrialState await(Duration limit) throws InterruptedException;
}
