package org.attune.kernel.plugins;

import org.attune.plugin.Plugin;

/** A plug-in in use. Thread-safe. */
public interface PluginLease<P extends Plugin<?>> extends AutoCloseable {
    /**
     * The plug-in; until its holder was told that it leaves.
     *
     * @throws IllegalStateException if it has gone away or the lease is closed
     */
    P plugin();

    /** Whether work with the plug-in may begin: it is there and not about to leave. */
    boolean present();

    /** Where the plug-in's code comes from. */
    Origin origin();

    @Override
    void close();

    /**
     * What identifies a plug-in's code in a run's provenance.
     *
     * @param kind what people call its kind
     * @param bundle symbolic name of its bundle
     * @param location of the bundle's file; may be no file
     */
    record Origin(String kind, String name, String version, String bundle, String location) {}
}
