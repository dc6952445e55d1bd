package org.attune.kernel.plugins;

import java.util.List;
import java.util.Optional;
import org.attune.kernel.spec.PluginRef;
import org.attune.plugin.Plugin;
import org.attune.trial.Catalogue.PluginInfo;

/** The plug-ins that are there now. Thread-safe. */
public interface PluginRegistry {
    /**
     * Takes a plug-in into use.
     *
     * @param leaving told, on the thread that takes the plug-in away, before its code goes; when it returns, no code of the plug-in
     *     may be called any more. Not told after the lease was closed.
     * @return empty where there is no such plug-in now
     */
    <P extends Plugin<?>> Optional<PluginLease<P>> find(PluginKind<P> kind, PluginRef ref, Runnable leaving);

    /** The plug-ins of one kind. */
    List<PluginInfo> list(PluginKind<?> kind);

    /** Has {@code listener} told when plug-ins came, until the subscription is closed. */
    Subscription onArrival(Runnable listener);

    /** Ends by closing. */
    interface Subscription extends AutoCloseable {
        @Override
        void close();
    }
}
