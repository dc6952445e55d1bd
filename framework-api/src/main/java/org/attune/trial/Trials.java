package org.attune.trial;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/** Starts trials and keeps track of them; a service of the kernel. Thread-safe. */
@ProviderType
public interface Trials {
    /**
     * Checks a spec and starts it in the background.
     *
     * @param overrides values by dotted key ({@code adapters.0.rank}), which take the place of the spec's
     * @param waitForPlugins whether a trial waits for a plug-in that goes away; where not, it suspends at once
     * @param profile whether the run folder gets {@code profile.json}, a trace of the engine's operations, and
     *     {@code profile.txt}, a table of them
     * @throws org.attune.plugin.UserError if the spec is wrong
     */
    Trial start(Path spec, Map<String, String> overrides, boolean waitForPlugins, boolean profile);

    /** Checks a spec and starts it in the background, without a profile. */
    default Trial start(Path spec, Map<String, String> overrides, boolean waitForPlugins) {
        return start(spec, overrides, waitForPlugins, false);
    }

    /**
     * Goes on with a suspended or killed run from its last checkpoint.
     *
     * @throws org.attune.plugin.UserError if the folder is no run, or has nothing to resume
     */
    Trial resume(Path runFolder, boolean waitForPlugins);

    /** All trials of this process, in order of their start. */
    List<Trial> list();

    Optional<Trial> find(String id);

    /** Stops all trials and waits until they are checkpointed. */
    void stopAll() throws InterruptedException;
}
