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

    /**
     * Gives a running trial another method after the step in progress, and returns when it has it. The trial goes on with new
     * parameters and the same head, optimiser and schedule; its run folder's spec and provenance say so.
     *
     * @param id the trial's
     * @param adapter the method's name, perhaps with a version
     * @param options values by key ({@code rank}), as a spec has them
     * @param former what becomes of what the former adapters have learnt
     * @throws org.attune.plugin.UserError if there is no such trial or method, or the trial has ended, or the former adapters cannot be
     *     merged; the trial then goes on as it was
     */
    void swap(String id, String adapter, Map<String, String> options, Former former);

    /**
     * Switches an adapter of a running trial on or off after the step in progress, and returns when that is done. One that is off keeps
     * its values, does not act and is not trained; its optimiser state is gone. The trial's checkpoints, spec and provenance say so.
     *
     * @param id the trial's
     * @param adapter its own name in the trial, or that of its plug-in
     * @throws org.attune.plugin.UserError if there is no such trial or adapter, the trial has ended, the adapter trains weights of the base
     *     model, which have no value to go back to, or nothing would be left to train; the trial then goes on as it was
     */
    void turn(String id, String adapter, boolean on);

    /** What becomes of the adapters that another method takes the place of. */
    enum Former {
        /** What they amount to is added to the trial's own copies of the weights that they act on. */
        MERGED,
        /** It is forgotten. */
        DROPPED
    }

    /** All trials of this process, in order of their start. */
    List<Trial> list();

    Optional<Trial> find(String id);

    /** Stops all trials and waits until they are checkpointed. */
    void stopAll() throws InterruptedException;
}
