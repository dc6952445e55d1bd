package org.attune.plugin;

/**
 * What every plug-in service has in common. A plug-in is registered under its own interface (for example
 * {@code org.attune.training.Adapter}) with {@link AttunePlugin} giving its name.
 *
 * <p>A plug-in object may serve several trials at once, from several threads: it keeps no state of its own. What a trial
 * needs between steps lives in the kernel's parameter store, so that the plug-in's code can be replaced in between.
 *
 * @param <O> the options record; its components carry {@link Option}
 */
public interface Plugin<O extends Record> {
    /** The class of the options record. */
    Class<O> options();
}
